"""Small runs made from a seed: random plans, failures, retries, pauses, kills, in virtual time.

A seed decides everything but the order in which sets are walked: the plan's text, how long each
call takes, which attempts fail, what people decide, when the run is stopped and goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from agentkit import Agent, Limits, Retry, ToolError, open_store, tool
from agentkit.decide import approve, deny, resolve
from agentkit.errors import AgentkitError, RunPaused
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.messages import Message, Request
from agentkit.models import complete
from agentkit.store import Store
from agentkit.testing import Scripted, ScriptedModel
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.tool import NOT_DONE, Context, Tool
from agentkit.types import Json

MOST_PARTS = 6


@dataclass
class World:
    """What the tools of a run do, and how often they did it."""

    random: Random
    calls: Counter[str] = field(default_factory=Counter[str])

    async def work(self, name: str, *, often_fails: bool = False) -> None:
        """Takes some time and fails sometimes."""
        self.calls[name] += 1
        await asyncio.sleep(self.random.choice([0, 0, 0.1, 0.5, 1.0, 1.0, 2.0]))
        if often_fails and self.random.random() < 0.3:
            raise ToolError(f"{name} is out of order", retryable=self.random.random() < 0.7)


def reading(world: World) -> list[Tool]:
    """Tools that may be called again: with retries, a cache, a time limit, one at a time."""

    @tool(effect="read", retry=Retry(attempts=3, first_s=0, most_s=0))
    async def fetch(n: int) -> int:
        """Fetch a number."""
        await world.work("fetch", often_fails=True)
        return n + 1

    @tool(effect="pure", cache=True)
    async def square(n: int) -> int:
        """A number times itself."""
        await world.work("square")
        return n * n % 17

    @tool(effect="read", timeout_s=0.7)
    async def slow(n: int) -> int:
        """It may take too long."""
        await world.work("slow")
        return n

    @tool(effect="read", concurrency=1)
    async def several(n: int) -> list[int]:
        """Some numbers."""
        await world.work("several")
        return [n, n + 1, n + 2][: 1 + n % 3]

    @tool(effect="read")
    async def think(n: int, context: Context) -> str:
        """Ask the model."""
        await world.work("think")
        request = Request(messages=(Message("user", f"What of {n}?"),), purpose="think")
        return (await complete(context.model, request)).text

    return [fetch, square, slow, several, think]


def writing(world: World) -> list[Tool]:
    """Tools with effects: repeated under a key, approved and looked up, or never heard of again."""

    @tool(effect="write", rate_per_s=2)
    async def save(n: int) -> str:
        """Keep a number."""
        await world.work("save", often_fails=True)
        return f"saved {n}"

    @tool(effect="once", approve=is_even, reconcile=world_knows(world))
    async def pay(n: int) -> int:
        """Pay an amount."""
        await world.work("pay", often_fails=True)
        return n

    @tool(effect="once", timeout_s=1.5)
    async def post(n: int) -> int:
        """Post a letter; it may never be heard of again."""
        await world.work("post")
        return n

    return [save, pay, post]


def is_even(args: Mapping[str, Json]) -> bool:
    """A rule by the arguments."""
    return args["n"] in (0, 2, 4, 6, 8)


def world_knows(world: World) -> Any:
    """A `reconcile` that knows, does not know, or breaks."""

    async def reconcile(key: str) -> object:
        world.calls["reconcile"] += 1
        found = world.random.choice(["done", "not", "broken"])
        if found == "broken":
            raise ToolError("the bank is closed")
        return 7 if found == "done" else NOT_DONE

    return reconcile


class Author:
    """Writes programs of the plan language, some with mistakes."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers: list[str] = []
        self.lists: list[str] = []
        self.made = 0

    def program(self, *, last: bool) -> str:
        """The text of a turn."""
        lines = [] if self.numbers else [f"{self._name()} = fetch(n=1)"]
        self.numbers += self.numbers or ["v1"]
        lines += [line for _ in range(self.random.randint(1, 4)) for line in self._statement()]
        if last:
            using = self.random.sample(self.numbers, min(2, len(self.numbers)))
            text = self.random.choice([f"using=[{', '.join(using)}]", f"f'it is {{{using[0]}}}'"])
            return "\n".join([*lines, f"answer({text})"])
        if self.random.random() < 0.7:
            lines.append(f"observe({self.random.choice(self.numbers)})")
        return "\n".join(lines) + self.random.choice(["", "\n"])

    def _statement(self) -> list[str]:
        kind = self.random.choice(["call"] * 6 + ["list", "map", "map", "guard", "sum", "wrong"])
        if kind == "wrong" and self.random.random() < 0.3:
            return [f"{self._name()} = fetsch(n=1)"]
        if kind == "list":
            self.lists.append(name := self._name())
            return [f"{name} = several(n={self._number()})"]
        if kind == "map" and self.lists:
            inner = self.random.choice(
                ["fetch(n=x)", "pay(n=x)", "square(n=fetch(n=x))", "save(n=x)"]
            )
            over, name = self.random.choice(self.lists), self._name()
            condition = self.random.choice(["", " if x > 1"])
            return [f"{name} = [{inner} for x in {over}{condition}]"]
        if kind == "guard":
            test, body = f"if {self._number()} > {self._number()}:", self._call(known=False)
            return [test, f"    {body}"]
        if kind == "sum":
            value = f"{self._number()} + {self._number()}"
            self.numbers.append(name := self._name())
            return [f"{name} = {value}"]
        return [self._call(known=True)]

    def _call(self, *, known: bool) -> str:
        tool = self.random.choice(["fetch", "square", "slow", "save", "pay", "post", "think"])
        argument, name = self._number(), self._name()
        if known and tool not in ("save", "think"):
            self.numbers.append(name)
        return f"{name} = {tool}(n={argument})"

    def _name(self) -> str:
        self.made += 1
        return f"v{self.made}"

    def _number(self) -> str:
        if self.numbers and self.random.random() < 0.75:
            return self.random.choice(self.numbers)
        return str(self.random.randint(0, 5))


def model_of(random: Random) -> ScriptedModel:
    """Writes some turns of plans, then nothing more; answers in a sentence."""
    author = Author(random)
    turns = random.randint(1, 3)
    texts = [author.program(last=turn == turns - 1) for turn in range(turns)]

    def reply(request: Request) -> str | Scripted | Exception:
        if request.purpose == "think":
            return "I think so."
        if request.purpose != "plan":
            return random.choice(["That is all.", Scripted("That is", cut_after=1)])
        return texts.pop(0) if texts else ""

    speed = random.choice([None, 5.0, 50.0])
    return ScriptedModel(replies=reply, tokens_per_s=speed)


async def simulate(seed: int) -> tuple[Agent[Any], World]:
    """A run from this seed, named `run`, however it ended, with its agent and its world."""
    random = Random(seed)
    world, store = World(Random(seed)), open_store("memory")
    agent = Agent(
        model=model_of(random),
        tools=[*reading(world), *writing(world)],
        store=store,
        limits=Limits(seconds=random.choice([None, None, None, 4.0]), repeats=2),
        new_id=lambda: "run",
        clock=lambda: asyncio.get_running_loop().time(),
    )
    ended = await attempt(agent.run("Do it."), random)
    for _ in range(MOST_PARTS):
        if ended:
            break
        if random.random() < 0.4:
            store = await killed(store, random)
            agent = replace(agent, store=store)
        await decide(store, random)
        ended = await attempt(agent.resume("run"), random)
    return agent, world


async def attempt(work: Any, random: Random) -> bool:
    """Whether the run came to an end of its own; it may be cancelled before."""
    task = asyncio.ensure_future(work)
    if random.random() < 0.3:
        asyncio.get_running_loop().call_later(random.uniform(0, 4), task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    except RunPaused:
        return False
    except AgentkitError:
        return random.random() < 0.5
    return random.random() < 0.7


async def killed(store: Store, random: Random) -> Store:
    """A store as it would be if the run's process had been killed at some time."""
    events, copy = await store.journal.events("run"), open_store("memory")
    for event in events[: random.randint(1, len(events))]:
        copy.journal.append(event)
    return copy


async def decide(store: Store, random: Random) -> None:
    """Somebody decides about some of what waits, or is in doubt."""
    state = fold(await store.journal.events("run"))
    if state.status == "running":
        return  # it was killed
    for node in [*state.asked]:
        if random.random() < 0.6:
            args = {"n": 3} if random.random() < 0.3 else None
            await approve(store.journal, "run", node, args=args)
        elif random.random() < 0.5:
            await deny(store.journal, "run", node, reason="no money")
    for node, end in state.outcomes.items():
        if end.status == "in_doubt" and random.random() < 0.5:
            done = random.random() < 0.5
            await resolve(store.journal, "run", node, done=done, value=1 if done else None)


def simulated(seed: int) -> tuple[Agent[Any], World, Sequence[Event]]:
    """The run of this seed, in virtual time: its agent, its world, its events."""

    async def run() -> tuple[Agent[Any], World, Sequence[Event]]:
        agent, world = await simulate(seed)
        assert isinstance(agent.store, Store)
        return agent, world, await agent.store.journal.events("run")

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run())
