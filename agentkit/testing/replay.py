"""A stored run as a regression test: save it once, and replay it whenever something has changed.

    agentkit replay last --save tests/runs/invoices.jsonl

    def test_the_agent_still_decides_as_it_did() -> None:
        assert_replays(agent, "tests/runs/invoices.jsonl")

The file holds what models and tools said, so the test needs neither. Where the change is meant, run
the task again and save the new run.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.events import Event, event_from_json, event_to_json

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.replay.replay import Replayed


def save_run(events: Sequence[Event], file: str | os.PathLike[str]) -> None:
    """Writes a run as JSON lines, long values included: a file that needs no store.

    Raises `UsageError` where it cannot be written.
    """
    lines = [json.dumps(event_to_json(event)) for event in events]
    try:
        Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}; name another file") from error


def load_run(file: str | os.PathLike[str]) -> Sequence[Event]:
    """The events of a saved run. Raises `UsageError` where the file holds none."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        events = [event_from_json(json.loads(line)) for line in lines]
    except OSError as error:
        raise UsageError(f"cannot read the saved run {file}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file} is no saved run ({error}); save it again") from error
    if not events:
        raise UsageError(f"{file} is empty; save the run again: agentkit replay RUN --save {file}")
    return events


def assert_replays(agent: Agent[Any], file: str | os.PathLike[str]) -> Replayed:
    """Replays a saved run with no tool and no model; works in plain and in async tests.

    Raises `Diverged` with the first decision that the agent would take otherwise today.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from agentkit import Agent
        >>> from agentkit.testing import ScriptedModel
        >>> def double(n: int) -> int:
        ...     "Twice the number."
        ...     return 2 * n
        >>> model = ScriptedModel(replies=["twice = double(n=21)\\nanswer(f'It is {twice}.')"])
        >>> with TemporaryDirectory() as folder:
        ...     agent = Agent(model=model, tools=[double], store=Path(folder) / "store")
        ...     run = agent.run_sync("What is twice 21?")
        ...     save_run(asyncio.run(agent.events(run.id)), Path(folder) / "run.jsonl")
        ...     assert_replays(agent, Path(folder) / "run.jsonl").events
        10
    """
    events = load_run(file)

    def replay() -> Replayed:
        return asyncio.run(agent.replay(events))

    with ThreadPoolExecutor(1) as thread:  # a loop of its own, whatever runs here
        return thread.submit(replay).result()
