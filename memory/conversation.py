"""The turns of a session: what was asked and answered before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

from agentkit.messages import Message
from agentkit.models.turns import Turns
from agentkit.protocols import Journal, Recalled
from agentkit.types import Json

CHARACTERS_A_TOKEN = 4
MOST_TURNS = 200
_LEAST = 400
"""Characters for a turn that is cut; in fewer there is little to read."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Keeps the turns of each session in the journal's store.

    The newest turns that fit into `most_tokens` (estimated at four characters a token) are
    recalled; of the newest one, where it alone is longer, its beginning and its end. Runs without
    a session are not kept. Give agents whose runs end at the same time in one session the same
    object: two would overwrite each other's turns.

        >>> import asyncio
        >>> from agentkit.journal.memory import MemoryJournal
        >>> async def talk() -> list[str]:
        ...     memory = Conversation(MemoryJournal())
        ...     await memory.store("My name is Ida.", session="s", plan="", answer="Hello Ida.")
        ...     recalled = await memory.recall("What is my name?", session="s")
        ...     return [turn.content for turn in recalled.history]
        >>> asyncio.run(talk())
        ['My name is Ida.', 'Hello Ida.']
    """

    journal: Journal
    most_tokens: int = 1500
    _storing: Turns = field(default_factory=Turns, init=False, repr=False, compare=False)

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        """The session's newest turns, oldest of them first."""
        if session is None:
            return Recalled()
        left = self.most_tokens * CHARACTERS_A_TOKEN
        kept: list[Message] = []
        for turn in reversed(await self._turns(session)):
            if not kept and left >= _LEAST:
                turn = _fitting(turn, left)
            left -= len(turn["task"]) + len(turn["answer"])
            if left < 0:
                break
            kept += [_message("assistant", turn["answer"]), _message("user", turn["task"])]
        return Recalled(history=tuple(reversed(kept)))

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        """Adds a turn to the session; beyond 200 the oldest go."""
        if session is None:
            return
        async with self._storing.turn():
            turns = [*await self._turns(session), {"task": task, "answer": answer}]
            self.journal.put(_key(session), cast("Json", turns[-MOST_TURNS:]))

    async def _turns(self, session: str) -> list[dict[str, str]]:
        return cast("list[dict[str, str]]", await self.journal.get(_key(session)) or [])


def _fitting(turn: dict[str, str], most: int) -> dict[str, str]:
    """The turn in at most so many characters: what comes next is most often about it."""
    task, answer = turn["task"], turn["answer"]
    asked = min(len(task), max(most // 2, most - len(answer)))
    return {"task": _shortened(task, asked), "answer": _shortened(answer, most - asked)}


def _shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that is longer, and how much is between them."""
    if len(text) <= most:
        return text
    gap = f"\n[… of {len(text):,} characters, those between are left out …]\n"
    half = (most - len(gap)) // 2
    return text[:half] + gap + text[-half:]


def _key(session: str) -> str:
    return f"conversation:{session}"


def _message(role: Literal["user", "assistant"], content: str) -> Message:
    return Message(role, content)
