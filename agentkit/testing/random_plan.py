"""A planner that a seed writes: chains, fans, maps, guards, observations, replans, mistakes.

It keeps no state between turns: what it proposes follows from the seed, the turn and the brief.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from random import Random

from agentkit.plan.expression import expression
from agentkit.plan.graph import (
    Answer,
    Arg,
    Call,
    Compute,
    Const,
    Guard,
    Map,
    Node,
    Observe,
    Patch,
    Plan,
    Ref,
    When,
    needs,
)
from agentkit.plan.problem import Problem
from agentkit.protocols import Brief
from agentkit.testing.world import World


@dataclass(frozen=True, slots=True)
class RandomPlanner:
    """Plans over the tools of a world."""

    world: World

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """A turn: first what is to change of the plan, then what comes new, then how it ends."""
        chance = Random(f"{self.world.seed}/turn {brief.turn}")
        writing = _Writing(self.world, chance, brief.plan, f"t{brief.turn}_")
        if chance.random() < 0.03:
            yield Problem(code="syntax", expected="a statement", found="nonsense")
        for patch in _changes(writing, brief):
            await asyncio.sleep(chance.choice((0.0, 0.05, 1.0)))
            yield patch
        for _ in range(chance.randint(1, 7) if brief.turn == 0 else chance.randint(0, 3)):
            await asyncio.sleep(chance.choice((0.0, 0.02, 0.3)))
            yield Patch(add=writing.some())
        names = [*writing.numbers, *writing.lists]
        ending = chance.random()
        if ending < 0.35:
            using = chance.sample(names, min(len(names), 2))
            yield Patch(add=(Observe(id=writing.name(), using=tuple(map(Ref, using))),))
        elif ending < 0.85:
            yield Patch(answer=_answer(chance, names))


def _changes(writing: _Writing, brief: Brief) -> list[Patch]:
    """What a replan does to nodes that are there: failed, finished, running or waiting ones."""
    chance, nodes = writing.chance, brief.plan.nodes
    failed = {name for name, end in brief.outcomes.items() if end.status == "failed"}
    found: list[Patch] = []
    for name, node in nodes.items():
        if chance.random() < (0.5 if name in failed else 0.1) and isinstance(node, Call):
            tool = chance.choice((node.tool, chance.choice(writing.tools)))
            if (tool in writing.world.lists) is (node.tool in writing.world.lists):
                args = chance.choice((node.args, {"a": Const(chance.randint(0, 9))}))
                new = Call(id=name, tool=tool, args=args, when=node.when)
                found.append(Patch(replace=(new,)))
    needed = {name for node in nodes.values() for name in needs(node)}
    needed |= needs(brief.plan.answer) if brief.plan.answer is not None else set()
    leaves = [name for name in nodes if name not in needed]
    if leaves and chance.random() < 0.2:
        gone = chance.choice(leaves)
        writing.forget(gone)
        found = [patch for patch in found if patch.replace[0].id != gone]
        found.append(Patch(remove=(gone,)))
    return found


def _answer(chance: Random, names: list[str]) -> Answer:
    if chance.random() < 0.5:
        return Answer(text=expression("f'{x} and ' + str(x)"))
    return Answer(using=tuple(Ref(name) for name in chance.sample(names, min(len(names), 3))))


class _Writing:
    """What has been written so far: which names stand for numbers, which for lists."""

    def __init__(self, world: World, chance: Random, plan: Plan, prefix: str) -> None:
        self.world, self.chance, self._prefix, self._count = world, chance, prefix, 0
        self.tools = [name for name in world.tools if name not in world.lists]
        self.numbers, self.lists = ["x"], list[str]()
        for node in plan.nodes.values():
            self._bind(node)

    def name(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def forget(self, name: str) -> None:
        self.numbers = [each for each in self.numbers if each != name]
        self.lists = [each for each in self.lists if each != name]

    def some(self) -> tuple[Node, ...]:
        """One statement's nodes; a guard comes with those that it guards."""
        kind = self.chance.random()
        if kind < 0.12:
            test = expression(f"{self._number()} > {self.chance.randint(0, 99)}")
            guard = Guard(id=self.name(), test=test)
            count = self.chance.randint(1, 3)
            held = [self._call(When(guard.id, self.chance.random() < 0.5)) for _ in range(count)]
            return (guard, *held)
        if kind < 0.35:
            fan = [self._call(None) for _ in range(self.chance.randint(1, 3))]
            return tuple(self._bound(node) for node in fan)
        if kind < 0.5 and self.lists:
            return (self._bound(self._map()),)
        if kind < 0.6:
            source = f"{self._number()} % {self.chance.choice((0, 7, 7, 7))} + {self._number()}"
            return (self._bound(Compute(id=self.name(), value=expression(source))),)
        return (self._bound(self._call(None)),)

    def _call(self, when: When | None) -> Call:
        tool = self.chance.choice([*self.tools, *self.world.lists])
        args = {name: self._arg() for name in "abc"[: self.chance.randint(1, 3)]}
        return Call(id=self.name(), tool=tool, args=args, when=when)

    def _map(self) -> Map:
        over, var = Ref(self.chance.choice(self.lists)), "each"
        first = Call(id="one", tool=self.chance.choice(self.tools), args={"a": Ref(var)})
        body = [first]
        if self.chance.random() < 0.4:
            tool = self.chance.choice(self.tools)
            body.append(Call(id="two", tool=tool, args={"a": Ref("one"), "b": Ref(var)}))
        where = expression(f"{var} != 1") if self.chance.random() < 0.3 else None
        value = Ref(body[-1].id)
        return Map(id=self.name(), over=over, var=var, body=tuple(body), value=value, where=where)

    def _number(self) -> str:
        # The newest ones more often: long chains.
        near = self.numbers[-3:] if self.chance.random() < 0.6 else self.numbers
        return self.chance.choice(near)

    def _arg(self) -> Arg:
        kind = self.chance.random()
        if kind < 0.3:
            return Const(self.chance.randint(0, 9))
        name = self._number()
        return Ref(name) if kind < 0.8 else expression(f"{name} + {self.chance.randint(1, 9)}")

    def _bound(self, node: Node) -> Node:
        self._bind(node)
        return node

    def _bind(self, node: Node) -> None:
        if isinstance(node, Map):
            self.lists.append(node.id)
        elif isinstance(node, Call):
            into = self.lists if node.tool in self.world.lists else self.numbers
            into += [] if node.when else [node.id]
        elif isinstance(node, Compute):
            self.numbers.append(node.id)
