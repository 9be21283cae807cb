"""Keeps a store small: runs that ended long ago are forgotten, unused artifacts removed.

```python
import asyncio
from agentkit.hygiene import collect, prune
from agentkit.store import open_store

async def main() -> tuple[int, int]:
    store = open_store("memory")
    store.artifacts.put(b"nobody names this", media_type="text/plain")
    runs = await prune(store, older_than_s=30 * 86400)
    swept = await collect(store, grace_s=-1)
    await store.close()
    return len(runs), swept.artifacts

assert asyncio.run(main()) == (0, 1)
```
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from agentkit.protocols import Clock, RunSummary, Swept
from agentkit.store import Store

DAY_S = 86_400.0

_ENDED = ("answered", "failed", "cancelled")
_ALL = 2**31 - 1


async def prune(
    store: Store,
    *,
    older_than_s: float,
    keep: int = 0,
    dry_run: bool = False,
    clock: Clock = time.time,
) -> Sequence[RunSummary]:
    """Forget the runs whose last event is older than that. Returns them; they are gone for good.

    Only runs that ended go: one that runs, was killed or is paused may still be carried on. The
    `keep` newest runs stay. A run that is a call of another one stays and goes with that. What the
    runs stored goes with the next `collect`.
    """
    before = clock() - older_than_s
    runs = await store.journal.runs(limit=_ALL)
    known = {run.run: run for run in runs}
    outermost = [run for run in runs if run.within not in known]
    over = {run.run for run in outermost[keep:] if run.status in _ENDED and run.updated < before}
    gone: list[RunSummary] = []
    for run in runs:
        outer = run
        while outer.within in known:
            outer = known[outer.within]
        if outer.run not in over:
            continue
        if dry_run or await store.journal.forget(run.run, events=run.events):
            gone.append(run)
    return gone


async def collect(
    store: Store, *, grace_s: float = DAY_S, dry_run: bool = False, clock: Clock = time.time
) -> Swept:
    """Remove the artifacts that no event and no cached value names.

    What was stored less than `grace_s` seconds ago stays: a call that is at work stores its
    artifacts before its event names them, so the grace must be longer than any call takes. With it,
    runs may go on meanwhile, in this process or another. It may be stopped at any moment.
    """
    before = clock() - grace_s  # of before the marking: what comes while that goes on is newer
    keep = await store.journal.references()
    return await asyncio.to_thread(store.artifacts.sweep, keep, before=before, dry_run=dry_run)
