"""A disk that fails under a run: the list of runs says where it stands, and it goes on later."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pytest

from agentkit import Agent, tool
from agentkit.cli import main
from agentkit.errors import StoreError
from agentkit.journal.failure import CLOSED
from agentkit.media import Media
from agentkit.store import open_store
from agentkit.testing import ScriptedModel

pytestmark = pytest.mark.anyio


class Disk:
    """The folder of a store's artifacts. Where it fails it is a file, which nothing can be stored
    in: root may write to whatever is read-only."""

    def __init__(self, store: Path) -> None:
        self._folder = store / "artifacts"
        self._failed = False

    def fail_once(self) -> None:
        if not self._failed:
            self._failed = True
            self._folder.write_text("in the way")

    def mend(self) -> None:
        self._folder.unlink()


def drawing(disk: Disk) -> Any:
    @tool(effect="read")
    def make() -> Annotated[bytes, Media("image/png")]:
        """A picture: it is stored before its event is written."""
        disk.fail_once()
        return b"\x89PNG\r\n\x1a\n" + bytes(20)

    return make


def telling(disk: Disk) -> Any:
    @tool(effect="read")
    def make() -> str:
        """A long text: the journal's writer stores it on its way."""
        disk.fail_once()
        return "at length " * 500

    return make


def agent_with(made: Any, store: Path) -> Agent:
    model = ScriptedModel(replies=lambda asked: "x = make()\nanswer('done')\n")
    return Agent(model=model, tools=[made], store=store)


async def stopped(agent: Agent) -> str:
    """The id of a run that the disk has stopped."""
    with pytest.raises(StoreError, match="cannot store an artifact") as caught:
        await agent.run("Go.")
    assert caught.value.run_id is not None
    assert str(caught.value) != CLOSED
    return caught.value.run_id


async def status(folder: Path) -> str:
    store = open_store(folder)
    (run,) = await store.journal.runs()
    with suppress(StoreError):
        await store.close()
    return run.status


async def test_a_run_whose_files_cannot_be_stored_pauses_and_goes_on(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    agent = agent_with(drawing(disk), tmp_path)
    run = await stopped(agent)
    assert await status(tmp_path) == "paused"
    disk.mend()
    assert (await agent.resume(run)).answer == "done"
    assert await status(tmp_path) == "answered"
    assert (await agent.replay(run)).parts == 2


async def test_a_run_whose_journal_fails_has_no_end_on_record_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = Disk(tmp_path)
    agent = agent_with(telling(disk), tmp_path)
    run = await stopped(agent)
    assert await status(tmp_path) == "running"
    disk.mend()
    assert await asyncio.to_thread(main, ["runs", "--store", str(tmp_path)]) == 0
    assert "where its process has gone" in capsys.readouterr().err
    assert (await agent.resume(run)).answer == "done"
    assert await status(tmp_path) == "answered"
    assert await asyncio.to_thread(main, ["runs", "--store", str(tmp_path)]) == 0
    assert capsys.readouterr().err == ""
    assert (await agent.replay(run)).parts == 2
