"""examples/nightly_report.py, started as cron would: by `agentkit run` and by `python`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from agentkit.models.catalog import cache_folder, entry, present
from agentkit.store import open_store

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "examples" / "nightly_report.py")
DATA = ROOT / "examples" / "data"
AGENTKIT = [sys.executable, "-W", "error", "-m", "agentkit", "run", EXAMPLE]
PYTHON = [sys.executable, "-W", "error", EXAMPLE]
ENV = {"PYTHONPATH": str(ROOT), "HOME": str(Path.home()), "OMP_WAIT_POLICY": "passive"}
SECONDS = 8
"""About the middle of a run on a machine with nothing else to do."""


def started(folder: Path, command: list[str], *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *more],
        cwd=folder, env=ENV, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def ended(reports: Path) -> tuple[list[str], Counter[str]]:
    """How the runs ended, and how often each node did."""

    async def read() -> tuple[list[str], Counter[str]]:
        store = open_store(reports / ".agentkit")
        runs = await store.journal.runs()
        events = [event for run in runs for event in await store.journal.events(run.run)]
        await store.close()
        nodes = Counter(event.node or "" for event in events if event.type == "node.ended")
        return [run.status for run in runs], nodes

    return asyncio.run(read())


def test_cut_off_and_started_again_it_reports_what_is_paid(tmp_path: Path) -> None:
    if not present(entry("qwen2.5-coder-1.5b"), cache_folder()):
        pytest.skip("the model is not on this machine: agentkit models pull qwen2.5-coder-1.5b")
    with subprocess.Popen(AGENTKIT, cwd=tmp_path, env=ENV, stdout=subprocess.DEVNULL) as process:
        try:
            # Any moment will do, the end included; nothing is waited for.
            process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    done = started(tmp_path, PYTHON)
    day, reports = date.today().isoformat(), tmp_path / "reports"
    assert (done.returncode, done.stdout) == (0, f"194.80 euros: reports/{day}.md\n"), done.stderr
    total, _, receipt, trip = (reports / f"{day}.md").read_text().splitlines()
    assert total == "# 194.80 euros"
    assert receipt == "- receipt.png: 94.00 euros; 4 guests, at most 45 euros each"
    assert trip.startswith("- trip.flac: 100.80 euros; 240 km at 0.42 euros; said: Hi, this is Tom")
    assert (reports / "index.md").read_text() == f"- [{day}]({day}.md)\n"
    statuses, nodes = ended(reports)
    assert set(statuses) == {"answered"}
    assert set(nodes.values()) == {len(statuses)}


def test_what_cannot_be_paid_is_said_and_the_rest_is_paid(tmp_path: Path) -> None:
    inbox, whole = tmp_path / "inbox", (DATA / "receipt.png").read_bytes()
    inbox.mkdir()
    (inbox / "receipt-1.png").write_bytes(whole)
    (inbox / "receipt-2.png").write_bytes(whole[: len(whole) // 2])
    (inbox / "receipt-3.png").write_bytes((DATA / "canteen.png").read_bytes())
    done = started(tmp_path, AGENTKIT, "inbox", "reports")
    assert (done.returncode, done.stdout) == (1, "")
    report = f"reports/{date.today()}.md"
    assert done.stderr == f"error: not everything could be paid; {report} says why\n"
    _, _, first, second, third = (tmp_path / report).read_text().splitlines()
    assert first.startswith("- receipt-1.png: 94.00 euros; 4 guests")
    assert second.startswith("- receipt-2.png: 0.00 euros; not paid: the picture is damaged")
    assert third.startswith("- receipt-3.png: 0.00 euros; not paid: there is no total in: Canteen")
