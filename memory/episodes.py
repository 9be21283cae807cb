"""Plans that ended well, found again by similarity of the task and shown as examples."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import cast

from agentkit.models.turns import Turns
from agentkit.protocols import Embedder, Example, Journal, Recalled
from agentkit.tools.embed import MiniLM
from agentkit.types import Json

KEY = "episodes"
MOST_EPISODES = 500


@dataclass(frozen=True, slots=True)
class Episodes:
    """Recalls up to `most` plans of tasks that are like this one: `least_similarity` or more, a
    cosine.

    Its first plans are a seed set that ships with agentkit; each run that ended well adds its own,
    kept in the journal's store. Give agents that share a store the same object: two would
    overwrite each other's plans where runs end at the same time.
    """

    journal: Journal
    embedder: Embedder = field(default_factory=MiniLM)
    most: int = 2
    least_similarity: float = 0.45
    seeds: Sequence[Example] | None = None
    _storing: Turns = field(default_factory=Turns, init=False, repr=False, compare=False)
    _vectors: dict[str, Sequence[float]] = field(
        default_factory=dict[str, Sequence[float]], init=False, repr=False, compare=False
    )

    async def recall(self, task: str, *, session: str | None) -> Recalled:
        """The most similar tasks with their plans, the best first."""
        known = [*await self._kept(), *(seed_plans() if self.seeds is None else self.seeds)]
        await asyncio.to_thread(self._embed, [task, *(example.task for example in known)])
        wanted = self._vectors[task]
        scored = [(_cosine(wanted, self._vectors[one.task]), one) for one in known]
        scored.sort(key=lambda pair: -pair[0])
        best = [example for score, example in scored[: self.most] if score >= self.least_similarity]
        return Recalled(examples=tuple(best))

    async def store(self, task: str, *, session: str | None, plan: str, answer: str) -> None:
        """Keeps the plan under its task; a newer plan for the same task takes its place."""
        if not plan.strip():
            return
        async with self._storing.turn():
            kept = [example for example in await self._kept() if example.task != task]
            kept.append(Example(task=task, plan=plan))
            listed = [{"task": one.task, "plan": one.plan} for one in kept[-MOST_EPISODES:]]
            self.journal.put(KEY, cast("Json", listed))

    async def _kept(self) -> list[Example]:
        found = cast("list[dict[str, str]]", await self.journal.get(KEY) or [])
        return [Example(task=one["task"], plan=one["plan"]) for one in found]

    def _embed(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self.embedder.embed(new), strict=True))


@cache
def seed_plans() -> tuple[Example, ...]:
    """The plans that ship with agentkit."""
    text = (files("agentkit.memory") / "seed_plans.json").read_text(encoding="utf-8")
    return tuple(Example(task=one["task"], plan="\n".join(one["plan"])) for one in json.loads(text))


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors of length one."""
    return sum(a * b for a, b in zip(one, other, strict=True))
