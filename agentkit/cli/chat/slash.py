"""The commands within a conversation: `/help` lists them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout

from agentkit.cli.chat.sessions import Session, sessions
from agentkit.cli.chat.talk import Chat, new_session, say
from agentkit.cli.chat.typed import paths_of
from agentkit.cli.interrupt import interruptible
from agentkit.errors import UsageError
from agentkit.memory import Conversation
from agentkit.text import one_line

LAST = "last"


def obey(chat: Chat, name: str, rest: str) -> None:
    """Carries out `/name rest`. Raises `UsageError` where there is no such command."""
    if name not in COMMANDS:
        raise UsageError(f"there is no command /{name}; /help lists them")
    COMMANDS[name][1](chat, rest)


def _help(chat: Chat, rest: str) -> None:
    for usage, _ in COMMANDS.values():
        say(usage)
    say("Ctrl-C stops the turn that runs; twice, or Ctrl-D, ends the conversation.")


def _file(chat: Chat, rest: str) -> None:
    if rest == "-":
        chat.files.clear()
    for path in paths_of(rest) if rest not in ("", "-") else ():
        chat.attach(path)
    if not rest:
        listed = ", ".join(f"{name} ({path})" for name, path in chat.files.items())
        say(f"for the next turn: {listed or 'nothing; /file PATH adds a file'}")


def _plan(chat: Chat, rest: str) -> None:
    from agentkit.cli.commands.plan import rendered, verdict

    if not rest:
        raise UsageError("expected what is to be planned: /plan TASK")
    drafting = chat.agent.plan(rest, inputs=chat.files)
    plan, problems = interruptible(drafting, runner=chat.runner)
    say(rendered(plan, "text").rstrip())
    for problem in problems:
        say(f"problem: {problem}")
    say(verdict(plan, problems))


def _show(chat: Chat, rest: str) -> None:
    from agentkit.cli.commands.show import print_run, print_step

    run = chat.run or _of(chat, chat.session).run
    events = chat.runner.run(chat.agent.events(run))
    with redirect_stdout(sys.stderr):
        if rest:
            print_step(events, rest)
        else:
            print_run(events, chat.hints)


def _resume(chat: Chat, rest: str) -> None:
    chat.resume(chat.run or _of(chat, chat.session).run)


def _new(chat: Chat, rest: str) -> None:
    chat.session, chat.run = rest or new_session(), ""
    say(f"session {chat.session}")


def _sessions(chat: Chat, rest: str) -> None:
    for one in chat.runner.run(sessions(chat.store.journal)):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created))
        mark = "*" if one.name == chat.session else " "
        say(f"{mark} {one.name}  {when}  {one_line(one.task, 60)}")


def _use(chat: Chat, rest: str) -> None:
    if not rest:
        raise UsageError("expected a conversation's name, or last: /use NAME; /sessions lists them")
    use(chat, rest)


def use(chat: Chat, name: str) -> None:
    """Goes on with the conversation of this name, or with the one that was used last; tells its
    last turn."""
    chat.session, chat.run = _of(chat, "").name if name == LAST else name, ""
    recalling = Conversation(chat.store.journal).recall("", session=chat.session)
    turns = chat.runner.run(recalling).history
    if turns:
        say(f"session {chat.session}; it ended with:")
        for turn in turns[-2:]:
            say(f"  {turn.role}: {one_line(turn.content, 300)}")
    else:
        say(f"session {chat.session}")


def _of(chat: Chat, name: str) -> Session:
    """The conversation of this name, else the one that was used last. Raises `UsageError`."""
    for one in chat.runner.run(sessions(chat.store.journal, limit=200)):
        if name in ("", one.name):
            return one
    raise UsageError("nothing was asked here so far; type a sentence")


def _quit(chat: Chat, rest: str) -> None:
    chat.open = False


COMMANDS: Mapping[str, tuple[str, Callable[[Chat, str], None]]] = {
    "help": ("/help            this list", _help),
    "file": ("/file PATH       a file for the next turn; - for none; no PATH lists them", _file),
    "plan": ("/plan TASK       what would be done, told alone; nothing runs", _plan),
    "show": ("/show [NODE]     what the last turn did, or one node of it", _show),
    "resume": ("/resume          go on with a turn that was stopped or waits", _resume),
    "new": ("/new [NAME]      another conversation", _new),
    "sessions": ("/sessions        the conversations of the store", _sessions),
    "use": ("/use NAME        go on with one of them; last: the one used last", _use),
    "quit": ("/quit            end", _quit),
}  # fmt: skip
"""How each is used, and what it does."""
