"""The messages of a client, of whichever API, as what an agent is asked.

The last message of the user is the task. What was said before is the history that a memory gives to
the planner; files are inputs of the run; what the system says adds to the agent's instructions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agentkit.media import Artifact
from agentkit.messages import Message
from agentkit.protocols import ArtifactStore, Recalled
from agentkit.serve.files import Sent, stored


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said, with the files that came along."""

    role: Literal["system", "user", "assistant"]
    text: str
    files: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """A call that the client was asked to make."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Came:
    """What the call of this id came to."""

    id: str
    text: str


_NOTHING = "(The user said nothing.)"

Item: TypeAlias = Said | Called | Came


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an agent is asked: `history` is what was said before the task, `since` after it.

    `results` is what the client's calls at the conversation's end came to, by their ids.
    """

    task: str
    history: tuple[Message, ...] = ()
    since: tuple[Message, ...] = ()
    instructions: str = ""
    files: Mapping[str, Artifact] = field(default_factory=dict[str, Artifact])
    results: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Before:
    """A memory of what was said before in a conversation that the client keeps."""

    history: Sequence[Message]

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        """All of it."""
        return Recalled(history=self.history)

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        """Nothing: the client sends it again."""


async def asked_by(
    items: Sequence[Item],
    artifacts: ArtifactStore,
    *,
    before: Sequence[Message] = (),
    task: str = "",
) -> Asked:
    """What the conversation asks for, its files stored.

    `before` is what was said earlier and is not in the items, `task` what was asked there, for
    items that only bring results.
    """
    named = _named(items)
    told = [_message(item, named) for item in items]
    at = max((n for n, item in enumerate(items) if _is_task(item)), default=-1)
    last = told[at] if at >= 0 else None
    return Asked(
        task=_task(items[at] if at >= 0 else None, last) or task or _NOTHING,
        history=(*before, *(one for one in told[: max(at, 0)] if one is not None)),
        since=tuple(one for one in told[at + 1 :] if one is not None),
        instructions="\n\n".join(_texts(items, "system")),
        files=await asyncio.to_thread(_stored, named, artifacts),
        results=_results(items),
    )


def _task(item: Item | None, told: Message | None) -> str:
    """The user's words; where there are none, the names of the files that came."""
    said = item.text if isinstance(item, Said) else ""
    return said if said.strip() else told.content if told else ""


def _is_task(item: Item) -> bool:
    return isinstance(item, Said) and item.role == "user"


def _texts(items: Iterable[Item], role: str) -> list[str]:
    return [item.text for item in items if isinstance(item, Said) and item.role == role]


def _named(items: Iterable[Item]) -> dict[str, Sent]:
    """Every file by the name that a plan knows it by: `image_1`, `image_2`, `audio_1` …"""
    counted: Counter[str] = Counter()
    named: dict[str, Sent] = {}
    for file in (file for item in items if isinstance(item, Said) for file in item.files):
        counted[file.kind] += 1
        named[f"{file.kind}_{counted[file.kind]}"] = file
    return named


def _stored(named: Mapping[str, Sent], artifacts: ArtifactStore) -> dict[str, Artifact]:
    return {name: stored(file, artifacts) for name, file in named.items()}


def _message(item: Item, named: Mapping[str, Sent]) -> Message | None:
    """The item as a planner reads of it; None for instructions, which it reads elsewhere."""
    match item:
        case Said(role="system"):
            return None
        case Said(role, text, files):
            names = [name for name, file in named.items() if any(file is one for one in files)]
            return Message(role, " ".join([text, *(f"[{name}]" for name in names)]).strip())
        case Called():
            return Message("assistant", f"called {item.name}({item.arguments})")
        case Came():
            return Message("tool", item.text)


def _results(items: Sequence[Item]) -> dict[str, str]:
    """What comes last, if it is results."""
    results: dict[str, str] = {}
    for item in reversed(items):
        if not isinstance(item, Came):
            break
        results[item.id] = item.text
    return results
