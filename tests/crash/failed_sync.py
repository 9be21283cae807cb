"""A sync of the journal's log fails once: `python -m tests.crash.failed_sync`.

After that nobody knows what the disk holds, so the writer must not try again and believe it.
"""

from __future__ import annotations

import asyncio
import errno
import sys
import tempfile
from pathlib import Path

from agentkit.errors import StoreError
from agentkit.store import open_store
from agentkit.testing.journal import refusal, same, step, steps
from tests.crash.disk import Fault, arm, fired, preloaded, run_preloaded
from tests.crash.every_write import SYNC_OF_THE_LOG


async def operations(folder: Path) -> list[str]:
    """What the second commit does to the disk."""
    log = folder / "log"
    await _commit(folder / "counted", Fault("count"), log)
    return log.read_text().splitlines()


async def _commit(folder: Path, fault: Fault, log: Path) -> StoreError | None:
    """One commit; then one that meets the fault, and its error; then what must hold."""
    store = open_store(folder)
    store.journal.append(step("r1", 1))
    await store.journal.flush()
    arm(folder, fault, log)
    store.journal.append(step("r1", 2))
    error: StoreError | None = None
    try:
        await store.journal.flush("r1")
    except StoreError as refused:
        error = refused
        same(fired(), 1)
        # The disk works again; this journal has lost its trust in it all the same.
        same(str(await refusal(store.journal, step("r1", 3))), str(error))
        same(str(await refusal(store.journal, step("r2", 1))), str(error))
    await store.close()
    return error


async def main(folder: Path) -> None:
    """Raises `AssertionError` where the failure was passed over."""
    at = 1 + (await operations(folder)).index(SYNC_OF_THE_LOG)
    failing = folder / "failing"
    error = await _commit(failing, Fault("fail_once", at, errno.EIO), folder / "log")
    if error is None or "the disk failed" not in str(error):
        raise AssertionError(f"the failed sync came to {error!r}")
    again = open_store(failing)
    found = list(await again.journal.events("r1"))
    same(found, steps("r1", len(found)))
    again.journal.append(step("r1", len(found) + 1))
    await again.journal.flush()
    same(list(await again.journal.events("r1")), steps("r1", len(found) + 1))
    await again.close()
    print(f"stopped: {error}")


if __name__ == "__main__":
    if not preloaded():
        sys.exit(run_preloaded("tests.crash.failed_sync", sys.argv[1:]))
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(main(Path(place)))
