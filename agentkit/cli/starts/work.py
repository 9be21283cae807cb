"""What one start does: a task in words as a run, or a script's `main` with an agent."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from agentkit.agent import Agent
from agentkit.cli.chosen import Chosen, build
from agentkit.cli.exits import Output, explain
from agentkit.cli.follow import Followed
from agentkit.cli.hints import Hints
from agentkit.cli.lines import plain
from agentkit.cli.load import has_main, load_module
from agentkit.cli.progress import fold
from agentkit.cli.starts.again import Schedule, keep_starting, say
from agentkit.cli.starts.asked import Asked
from agentkit.cli.starts.start import Start, key_of
from agentkit.cli.stored import open_here
from agentkit.cli.told import tell
from agentkit.cli.tracing import traced_here
from agentkit.document import document
from agentkit.errors import AgentkitError, UsageError
from agentkit.events import event_to_json
from agentkit.memory import Conversation
from agentkit.store import Store
from agentkit.text import inert

Work = Callable[[Start], Awaitable[None]]

_IDS: ContextVar[Iterator[str]] = ContextVar("ids")
"""The ids of the runs that a start makes: its own first, then that with a number."""


def start_task(
    task: str,
    given: Mapping[str, object],
    session: str | None,
    asked: Asked,
    chosen: Chosen,
    *,
    output: Output,
    debug: bool,
) -> int:
    """Keeps starting the task; its files are read anew for each run. Gives the exit code."""
    if asked.watch is not None and "file" in given:
        raise UsageError(
            "with --watch the input `file` is the file that came; name yours otherwise"
        )

    hints = Hints(store=chosen.store)

    def work(agent: Agent[Any]) -> Work:
        async def run(start: Start) -> None:
            seen = Followed()
            files = {**given, **start.files}
            async with aclosing(agent.stream(task, inputs=files, session=session)) as events:
                async for event in events:
                    if event.seq:
                        seen.events.append(event)
                    seen.progress = fold(seen.progress, event)
                    if output == "events":
                        print(json.dumps(event_to_json(event)), flush=True)
                    if seen.progress.status == "answered":
                        # Before that is said: whoever reads it may stop us.
                        _give(seen, output, hints)
                    for line in plain(seen.progress, event):
                        say(f"{start.run}  {line}")

        return run

    inputs = {k: os.path.abspath(v) if isinstance(v, Path) else v for k, v in given.items()}
    said = (task, inputs, session)
    return _keep(asked, chosen, work, said, debug=debug, turns=session is not None)


def _give(seen: Followed, output: Output, hints: Hints) -> None:
    if output == "json":
        print(json.dumps(document(seen.events)), flush=True)
    elif output == "answer":
        tell(seen.progress.answer, hints.whole(seen.run))


def start_script(
    path: Path, arguments: tuple[str, ...], asked: Asked, chosen: Chosen, *, debug: bool
) -> int:
    """Keeps calling the script's `main`; one that is not async would hold up all else."""
    main: Any = load_module(path).main if has_main(path) else None
    takes = 1 if asked.watch is None else 2
    if not inspect.iscoroutinefunction(main) or len(inspect.signature(main).parameters) != takes:
        wanted = "agent" if asked.watch is None else "agent, file"
        raise UsageError(f"to be started again and again, {path} needs `async def main({wanted})`")
    sys.argv = [str(path), *arguments]

    def work(agent: Agent[Any]) -> Work:
        async def call(start: Start) -> None:
            result: object = await main(agent, *start.files.values())
            if result is not None:
                print(inert(str(result)), flush=True)

        return call

    return _keep(asked, chosen, work, (str(path.resolve()), arguments), debug=debug)


def _keep(
    asked: Asked,
    chosen: Chosen,
    work: Callable[[Agent[Any]], Work],
    said: tuple[object, ...],
    *,
    debug: bool,
    turns: bool = False,
) -> int:
    asked.check(os.environ)
    agent = build(chosen, os.environ, asking=False)  # nobody may be there: such a run pauses
    store, hints = traced_here(open_here(chosen.store), os.environ), Hints(store=chosen.store)
    do = work(_with_ids(agent, store, turns=turns))

    async def carry_on(start: Start) -> None:
        _IDS.set(_ids(start.run))
        try:
            await do(start)
        except AgentkitError as error:
            explain(error, debug=debug, hint=hints.failed(error))

    key = key_of(*said, *asked.said, *_words_of(chosen))
    return keep_starting(
        Schedule(key=key, asked=asked, store=store, carry_on=carry_on, hints=hints)
    )


def _words_of(chosen: Chosen) -> tuple[object, ...]:
    """The agent; what is said of it beside its file only where something is, for a key of what is
    not said would not be that of runs that are in the store."""
    said = chosen.said
    agent = said.pop("agent", "")
    return (agent, said) if said else (agent,)


def _with_ids(agent: Agent[Any], store: Store, *, turns: bool) -> Agent[Any]:
    memory = agent.memory
    if turns and not memory:
        memory = [Conversation(store.journal)]
    return replace(agent, store=store, memory=memory, new_id=lambda: next(_IDS.get()))


def _ids(run: str) -> Iterator[str]:
    yield run
    yield from (f"{run}-{number}" for number in count(2))
