"""Tools in child processes: real processes, really killed."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.process import LENGTH_BYTES, START
from agentkit.engine.scheduler import Scheduler
from agentkit.errors import StoreError, UsageError
from agentkit.plan.graph import Ref
from agentkit.tool import tool
from agentkit.types import Json
from tests.engine import process_tools as tools
from tests.engine.runs import Log, call, scheduler

pytestmark = pytest.mark.anyio


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether the process has ended, or does so soon: a kill takes its time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def failure(run: Scheduler, name: str) -> tuple[str, str]:
    """Kind and message."""
    end = run.outcomes[name].failure
    assert end is not None
    return end.kind, end.message


async def test_a_call_runs_in_another_process_which_is_used_again_and_ends_with_the_run() -> None:
    async with scheduler([tools.where]) as run:
        run.add([call("a", tools.where, numbers=[1, 2])])
        await run.settled()
        run.add([call("b", tools.where, numbers=[3])])
        await run.settled()
        first, second = (run.outcomes[name].value for name in "ab")
        assert isinstance(first, dict) and isinstance(second, dict)
        assert (first["sum"], second["sum"]) == (3, 3)
        assert first["pid"] == second["pid"] != os.getpid()
        pid = int(str(first["pid"]))
        assert alive(pid)
    assert not alive(pid)


async def test_errors_keep_their_names_and_the_run_goes_on() -> None:
    raising = [tools.refuse, tools.panic, tools.other_store, tools.crash, tools.wrong]
    async with scheduler([*raising, tools.where]) as run:
        run.add([call("no", tools.refuse, loud=False), call("bye", tools.refuse, loud=True)])
        run.add([call("crash", tools.crash), call("wrong", tools.wrong), call("p", tools.panic)])
        run.add([call("o", tools.other_store), call("fine", tools.where, numbers=[])])
        await run.settled()
    assert failure(run, "o") == ("StoreError", "no room in the other one")
    assert failure(run, "no") == ("ToolError", "no")
    assert failure(run, "bye") == ("SystemExit", "bye")
    assert failure(run, "p") == ("Panic", "index out of bounds")
    assert run.outcomes["p"].status == "failed", "and not in doubt"
    assert failure(run, "wrong")[0] == "WrongType"
    kind, message = failure(run, "crash")
    assert kind == "ProcessDied" and "exit code 7" in message
    assert run.outcomes["fine"].ok


async def test_an_effect_whose_process_died_is_in_doubt_and_has_no_receipt() -> None:
    log = Log()
    async with scheduler([tools.send_and_crash], log) as run:
        run.add([call("s", tools.send_and_crash)])
        await run.settled()
    assert run.outcomes["s"].status == "in_doubt"
    assert log.kinds("s") == ["node.started", "effect.intent", "node.ended"]


async def test_a_call_that_runs_out_of_time_dies_with_all_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with scheduler([tools.hang, tools.where]) as run:
        # Its process is used again: the start of Python is no part of the time that runs out.
        run.add([call("warm", tools.where, numbers=[])])
        await run.settled()
        run.add([call("h", tools.hang, file=str(file))])
        await run.settled()
        assert failure(run, "h")[0] == "TimedOut"
    pids = [int(pid) for pid in file.read_text().split()]
    assert len(pids) == 2, "it was stopped before it had begun"
    assert all(gone(pid) for pid in pids)


async def test_a_process_that_dies_takes_along_what_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    async with scheduler([tools.leave_a_child]) as run:
        run.add([call("c", tools.leave_a_child, file=str(file))])
        await run.settled()
        assert failure(run, "c")[0] == "ProcessDied"
    assert gone(int(file.read_text()))


async def test_artifacts_and_progress_cross_the_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log, store = Log(), FolderArtifacts(tmp_path / "store")
    text = store.put(b"quiet", media_type="text/plain", name="q.txt")
    handle: Json = {"sha256": text.sha256, "media_type": "text/plain", "size_bytes": 5}
    async with scheduler([tools.shout], log, artifacts=store, inputs={"t": handle}) as run:
        run.add([call("s", tools.shout, text=Ref("t"))])
        await run.settled()
    value = run.outcomes["s"].value
    assert isinstance(value, dict)
    assert store.read(str(value["sha256"])) == b"QUIET"
    assert ("node.progress", "s", {"done": 1, "total": 2, "unit": "lines"}) in log.events


async def test_threads_of_a_call_get_the_handles_that_each_asked_for(tmp_path: Path) -> None:
    async with scheduler([tools.store_many], artifacts=FolderArtifacts(tmp_path)) as run:
        run.add([call("s", tools.store_many)])
        await run.settled()
    assert run.outcomes["s"].value == 0


async def test_what_a_thread_says_after_its_call_is_not_taken_for_the_next_ones() -> None:
    log = Log()
    async with scheduler([tools.leave_a_thread, tools.hear_it_out], log) as run:
        run.add([call("a", tools.leave_a_thread), call("b", tools.hear_it_out, after=Ref("a"))])
        await run.settled()
    end = run.outcomes["b"]
    assert end.value == ["this call has returned: store what it makes before that"]
    assert (end.cost, log.kinds("b")) == (None, ["node.started", "node.ended"])


async def test_a_call_that_a_dead_process_was_given_is_made_in_another() -> None:
    async with scheduler([tools.where, tools.send]) as run:
        run.add([call("w", tools.where, numbers=[])])
        await run.settled()
        value = run.outcomes["w"].value
        assert isinstance(value, dict)
        os.kill(int(str(value["pid"])), signal.SIGKILL)
        assert gone(int(str(value["pid"])))
        run.add([call("s", tools.send)])
        await run.settled()
    assert run.outcomes["s"].value == "sent"


async def test_an_artifact_store_that_fails_stops_the_run(tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path / "store")
    text = store.put(b"quiet", media_type="text/plain", name="q")
    (tmp_path / "store" / sha256(b"beside").hexdigest()[:2]).write_text("in the way")
    handle: Json = {"sha256": text.sha256, "media_type": "text/plain", "size_bytes": 5}
    run = scheduler([tools.shout], artifacts=store, inputs={"t": handle})
    with pytest.raises(StoreError, match="cannot store an artifact"):
        async with run:
            run.add([call("s", tools.shout, text=Ref("t"))])
            await run.settled()
    assert run.outcomes["s"].status == "cancelled"


async def test_a_program_that_a_tool_starts_has_nothing_to_read() -> None:
    async with scheduler([tools.listen]) as run:
        run.add([call("l", tools.listen)])
        await run.settled()
    assert run.outcomes["l"].value == ""


def test_a_worker_whose_parent_dies_in_the_middle_of_a_message_ends() -> None:
    command = [sys.executable, "-c", START, json.dumps(sys.path)]
    done = subprocess.run(
        command, input=(1000).to_bytes(LENGTH_BYTES) + b"{", capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, b"")


async def test_a_passing_failure_is_tried_again(tmp_path: Path) -> None:
    async with scheduler([tools.second_time]) as run:
        run.add([call("s", tools.second_time, file=str(tmp_path / "mark"))])
        await run.settled()
    assert (run.outcomes["s"].value, run.outcomes["s"].attempts) == ("ok", 2)


async def test_a_function_that_no_other_process_can_import_is_refused_at_once() -> None:
    @tool(effect="pure", runs="process")
    def inner() -> int:
        """Defined inside a function."""
        return 1

    with pytest.raises(UsageError, match="'inner' runs in a process.*top level"):
        scheduler([inner])


SCRIPT = """
import asyncio
from pathlib import Path
from agentkit.engine.scheduler import Scheduler
from agentkit.plan.graph import Call
from agentkit.artifacts import FolderArtifacts
from agentkit.state import RunState
from agentkit.tool import tool

@tool(effect="pure", runs="process")
def one() -> int:
    "One."
    return 1

async def main():
    run = Scheduler(tools={"one": one}, record=lambda *event: None, state=RunState(run="r"),
                    artifacts=FolderArtifacts(Path("x")))
    async with run:
        run.add([Call(id="a", tool="one", args={})])
        await run.settled()
    print(run.outcomes["a"])
"""


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("if __name__ == '__main__': asyncio.run(main())", "value=1"),
        ("asyncio.run(main())", "if __name__"),
    ],
)
async def test_a_script_can_define_them(tmp_path: Path, start: str, said: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + start)
    root = Path(__file__).parents[2]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert "value=1" in done.stdout, done.stderr
    assert said in done.stdout + done.stderr
