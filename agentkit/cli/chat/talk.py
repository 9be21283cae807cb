"""The conversation: lines in, turns and commands out, until it is left."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agentkit.agent import Agent
from agentkit.cli.chat.prompt import Lines, is_person
from agentkit.cli.chat.turn import follow_turn
from agentkit.cli.chat.typed import command_of, dropped, is_file, name_for
from agentkit.cli.exits import ANSWERED, CANCELLED, code_of, explain
from agentkit.cli.follow import Followed
from agentkit.cli.hints import Hints
from agentkit.errors import AgentkitError, RunError, UsageError
from agentkit.events import Event
from agentkit.memory import Conversation
from agentkit.store import Store
from agentkit.text import count_bytes, inert


@dataclass(slots=True, kw_only=True)
class Chat:
    """A conversation with an agent: its session, and the files that go with the next turn.

    `code` is the exit code of the last turn that came to no answer; `open` says whether lines
    are still read.
    """

    agent: Agent[Any]
    store: Store
    runner: asyncio.Runner
    hints: Hints
    session: str
    debug: bool = False
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    run: str = ""
    code: int = ANSWERED
    open: bool = True

    def __post_init__(self) -> None:
        turns = Conversation(self.store.journal)
        self.agent = replace(self.agent, store=self.store, memory=self.agent.memory or [turns])

    def talk(self, lines: Lines, commands: Callable[[Chat, str, str], None]) -> int:
        """Reads lines to their end, or until somebody leaves; gives the exit code."""
        pressed = False
        while self.open:
            try:
                line = lines.read()
                pressed = False
                if line is None:
                    break
                self._hear(line, commands)
            except KeyboardInterrupt:
                if pressed or not is_person():
                    return CANCELLED
                pressed = True
                say("\nCtrl-C again, Ctrl-D or /quit ends the conversation")
        return ANSWERED if is_person() else self.code

    def ask(self, task: str) -> None:
        """A turn. The files that were attached are its inputs, and attached no longer."""
        agent, session, inputs = self.agent, self.session, dict(self.files)

        def start() -> AsyncGenerator[Event, None]:
            return agent.stream(task, inputs=inputs, session=session)

        if self.follow(start).events:
            self.files.clear()

    def resume(self, run: str) -> None:
        """A run of this conversation goes on."""
        self.follow(lambda: self.agent.stream_resumed(run))

    def follow(self, start: Callable[[], AsyncGenerator[Event, None]]) -> Followed:
        """A run from its beginning (or again) to its end, whatever that is."""
        seen = Followed()
        try:
            follow_turn(start, seen, self.runner, self.hints)
        except asyncio.CancelledError:
            self.code = CANCELLED
            say(f"stopped; {self.hints.stopped(seen.run)}{' (here: /resume)' * bool(seen.run)}")
        except AgentkitError as error:
            self.code = code_of(error)
            explain(error, debug=self.debug, hint=self.hints.failed(error))
            if isinstance(error, RunError) and is_person():
                say("/resume goes on with it")
        self.run = seen.run or self.run
        return seen

    def attach(self, path: Path) -> None:
        """The file is an input of the next turn. Raises `UsageError` where there is none."""
        if not is_file(path):
            raise UsageError(f"there is no file {path}; check the path")
        name = name_for(path, self.files)
        self.files[name] = path
        say(f"{name}: {path.name} ({count_bytes(path.stat().st_size)}), for the next turn")

    def _hear(self, line: str, commands: Callable[[Chat, str, str], None]) -> None:
        if not line.strip():
            return
        try:
            found = command_of(line)
            paths = dropped(line) if found is None and is_person() else ()
            for path in paths:
                self.attach(path)
            if found is not None:
                commands(self, *found)
            elif not paths:
                self.ask(line)
        except asyncio.CancelledError:
            say("stopped")
        except AgentkitError as error:
            self.code = code_of(error)
            explain(error, debug=self.debug)


def new_session() -> str:
    """A name that says when the conversation began: `chat-20261123-091502-3f9a`."""
    return f"chat-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def say(text: str) -> None:
    """A line about the conversation, on stderr: stdout is for answers alone."""
    print(inert(text), file=sys.stderr, flush=True)
