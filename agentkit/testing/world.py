"""A simulated outside: tools that take virtual time, fail as the seed says, and count what they do.

What the tools did survives every kill of the process that called them, as the real world does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from random import Random
from typing import Any, cast
from zlib import crc32

from agentkit.engine.context import canonical
from agentkit.engine.limits import Limits
from agentkit.errors import ToolError
from agentkit.tool import NOT_DONE, Context, Retry, Tool
from agentkit.types import Effect, Json

EFFECTS: tuple[Effect, ...] = ("pure", "read", "write", "once")
LONGEST_COMMIT_S = 0.02
"""A commit takes no longer: a call that waits for its intent starts so much later than planned."""


@dataclass(slots=True)
class World:
    """The tools of one seed, and what became of their calls. `wrong` is what must not happen."""

    seed: int
    limits: Limits
    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    lists: list[str] = field(default_factory=list[str])
    """Names of the tools that return lists."""
    alive: bool = True
    announced: Callable[[str], bool] = lambda key: False
    """Whether the intent of this key is durable."""
    effects: Counter[str] = field(default_factory=Counter[str])
    """How often each key of a `write` or `once` call took effect."""
    results: dict[str, Json] = field(default_factory=dict[str, Json])
    wrong: list[str] = field(default_factory=list[str])
    _calls: Counter[str] = field(default_factory=Counter[str])
    _active: Counter[str] = field(default_factory=Counter[str])
    _starts: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def begin(self) -> None:
        """A new process: nothing runs, and no rate remembers anything."""
        self.alive = True
        self._active.clear()
        self._starts.clear()

    async def work(self, tool: Tool, args: Mapping[str, Json], context: Context) -> Json:
        """One call: half its time, its effect, the other half; it may fail at either point."""
        self._calls[context.key] += 1
        chance = Random(f"{self.seed}/{context.key}/{self._calls[context.key]}")
        takes_s = chance.choice((0.0, 0.01, 0.1, chance.random(), 5 * chance.random()))
        await asyncio.sleep(takes_s * chance.random())
        _fail(chance)
        value = self._value(tool, args)
        if tool.effect in ("write", "once"):
            self._take_effect(tool, context, value)
        await asyncio.sleep(takes_s * chance.random())
        if tool.effect != "once":  # what a `once` tool says has failed has not been done
            _fail(chance)
        return value

    def started(self, tool: Tool) -> None:
        """The tool's function begins; says what bound that breaks."""
        if not self.alive:
            return
        self._active[tool.name] += 1
        self._bound(tool.name, self._active[tool.name], tool.concurrency or (tool.batch and 1))
        self._bound("parallel", self._active.total(), self.limits.parallel)
        for resource in tool.resources:
            users = [one for one in self.tools.values() if resource in one.resources]
            used = sum(one.resources[resource] * self._active[one.name] for one in users)
            self._bound(resource, used, self.limits.resources.get(resource, 1))
        if tool.rate_per_s:
            starts = self._starts.setdefault(tool.name, [])
            starts.append(asyncio.get_running_loop().time())
            count = ceil(tool.rate_per_s)
            least_s = count / tool.rate_per_s - LONGEST_COMMIT_S - 1e-6
            if len(starts) > count and starts[-1] - starts[-1 - count] < least_s:
                self.wrong.append(f"{tool.name} starts more than {tool.rate_per_s} times a second")

    def ended(self, tool: Tool) -> None:
        """The tool's function is over."""
        if self.alive:
            self._active[tool.name] -= 1

    def _bound(self, what: str, found: int, most: int | None) -> None:
        if most is not None and found > most:
            self.wrong.append(f"expected at most {most} of {what} at once; found {found}")

    def _take_effect(self, tool: Tool, context: Context, value: Json) -> None:
        if not self.alive:
            return
        self.effects[context.key] += 1
        self.results[context.key] = value
        if tool.effect == "once" and self.effects[context.key] > 1:
            self.wrong.append(f"{context.node}: {tool.name} took effect twice")
        if not self.announced(context.key):
            self.wrong.append(f"{context.node}: {tool.name} took effect before its intent was kept")

    def _value(self, tool: Tool, args: Mapping[str, Json]) -> Json:
        number = crc32(f"{tool.name}{canonical(args)}".encode()) % 100
        return [*range(number % 5)] if tool.name in self.lists else number

    async def reconcile(self, key: str) -> object:
        """What a `once` call came to, as its far side knows it; sometimes nobody can say."""
        chance = Random(f"{self.seed}/reconcile/{key}")
        await asyncio.sleep(chance.random())
        if chance.random() < 0.2:
            raise ConnectionError("the far side does not answer")
        return self.results.get(key, NOT_DONE)


def make_world(seed: int) -> World:
    """The world of a seed: four to eight tools of all effect classes, with bounds of every kind."""
    chance = Random(f"{seed}/world")
    limits = Limits(
        parallel=chance.choice((1, 2, 4, 256)),
        nodes=chance.choice((20, 100, 10_000)),
        replans=chance.randint(0, 4),
        repairs=chance.randint(0, 2),
        seconds=chance.choice((None, None, None, 60.0)),
        resources={"gpu": 2},
    )
    world = World(seed, limits)
    for number in range(chance.randint(4, 8)):
        made = _tool(world, f"tool_{number}", EFFECTS[number % 4], chance)
        world.tools[made.name] = made
        if number in (1, 4):
            world.lists.append(made.name)
    return world


def _tool(world: World, name: str, effect: Effect, chance: Random) -> Tool:
    batch = chance.choice((None, None, None, 3)) if effect in ("pure", "read") else None

    async def one(args: Mapping[str, Json], context: Context) -> Json:
        world.started(tool)
        try:
            return await world.work(tool, args, context)
        finally:
            world.ended(tool)

    async def several(calls: Sequence[Mapping[str, Any]]) -> Sequence[Json | Exception]:
        world.started(tool)
        try:
            ends = [await _caught(world.work(tool, **call)) for call in calls]
            return _told(ends, raising=world.seed % 2 == 1)
        finally:
            world.ended(tool)

    function: Callable[..., Any] = several if batch else one

    def prepare(args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        call = {"args": args, "context": context}
        return {"calls": call} if batch else call

    made: Tool[..., Any] = Tool(
        name=name, description="", input_schema={}, output_schema={},
        function=function, prepare=prepare, finish=_as_it_is, effect=effect,
        batch=batch, batch_key=_oddness if batch and world.seed % 3 == 0 else None, runs="loop",
        timeout_s=chance.choice((None, None, 0.05, 1.0)),
        retry=chance.choice((None, Retry(attempts=chance.randint(2, 4), first_s=0.1, most_s=1.0))),
        concurrency=chance.choice((None, None, 1, 2)),
        rate_per_s=chance.choice((None, None, None, 0.5, 2.0, 3.5)),
        resources=chance.choice(({}, {}, {"gpu": 1}, {"gpu": 2})),
        cache=effect == "pure" and chance.random() < 0.5,
        expected_s=chance.choice((0.1, 1.0, 5.0)),
        approve=chance.choice((*[False] * 8, True, _odd)),
        reconcile=world.reconcile if effect == "once" and chance.random() < 0.5 else None,
    )  # fmt: skip
    tool = _bounded(made)
    return tool


def _bounded(tool: Tool[..., Any]) -> Tool[..., Any]:
    """Of batches at once each needs the resources: no more of them than there is enough for."""
    most_at_once = min((2 // units for units in tool.resources.values()), default=2)
    if tool.batch and (tool.concurrency or 1) > most_at_once:
        return replace(tool, concurrency=most_at_once)
    return tool


def _told(ends: Sequence[Json | Exception], *, raising: bool) -> Sequence[Json | Exception]:
    """What a batch returns; where it is `raising`, nobody is told whose call has failed."""
    for end in ends:
        if raising and isinstance(end, Exception):
            raise end
    return ends


async def _caught(work: Any) -> Json | Exception:
    try:
        return cast("Json", await work)
    except (ToolError, OSError, ValueError) as error:
        return error


def _as_it_is(value: Any, context: Context) -> Json:
    return cast("Json", value)


def _oddness(call: Mapping[str, Any]) -> bool:
    return _odd(call["args"])


def _odd(args: Mapping[str, Json]) -> bool:
    return crc32(canonical(args).encode()) % 2 == 1


def _fail(chance: Random) -> None:
    if chance.random() < 0.06:
        raise chance.choice(
            (
                ToolError("not now", retryable=True),
                ToolError("no"),
                ConnectionResetError("the far side hung up"),
                ValueError("a surprise"),
            )
        )
