"""Asks on the terminal whether calls may be made."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from agentkit.decisions import Approver, Decision, Question, approve, deny
from agentkit.text import inert, one_line


def approver() -> Approver | None:
    """Who is asked: the person at the terminal, nobody where there is none."""
    return ask if sys.stdin.isatty() and sys.stderr.isatty() else None


async def ask(questions: Sequence[Question]) -> Sequence[Decision]:
    """What the person decides; an empty line leaves the call waiting."""
    decisions: list[Decision] = []
    for question in questions:
        print(f"\n{shown(question)}", file=sys.stderr)
        print("y: allow, n: deny, Enter: later > ", end="", file=sys.stderr, flush=True)
        said = (await _line()).strip().lower()
        if said in ("y", "yes"):
            decisions.append(approve(question))
        elif said in ("n", "no"):
            decisions.append(deny(question))
    return decisions


def shown(question: Question) -> str:
    """The call with its literal arguments, and why it is asked about."""
    args = ", ".join(f"{name}={one_line(repr(arg), 200)}" for name, arg in question.args.items())
    return inert(f"{question.node} = {question.tool}({args})\n{question.why}")


async def _line() -> str:
    """A line of the terminal. The loop goes on meanwhile, so Ctrl-C still stops the run."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        if not typed.done():
            typed.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, read)
    try:
        return await typed
    finally:
        loop.remove_reader(sys.stdin)
