"""agentkit: the steps as a plan, its run in an SQLite store.

Mode `EFFECT` or `EFFECT-SYNC`: the effect class of the steps (`pure`, `write`, `once`), and what
the store survives (`power`, `process`). Whoever decides about a `once` call in doubt looks into the
witness: what it did is there or not.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from outside import WITNESS, Job, Run, main

from agentkit import Agent, tool
from agentkit.decide import resolve
from agentkit.engine.limits import Limits
from agentkit.errors import RunError
from agentkit.fold import fold
from agentkit.plan.expression import expression
from agentkit.plan.graph import Answer, Arg, Call, Const, Plan, Ref
from agentkit.planners import Fixed
from agentkit.state import RunState
from agentkit.store import Store, open_store
from agentkit.testing import ScriptedModel
from agentkit.tool import Tool
from agentkit.types import Effect, Sync


def plan(job: Job) -> Plan:
    """The steps as calls; the last one's value is the answer."""
    names = [f"n{number}" for number in range(job.count)]
    if job.chain:
        args: list[Arg] = [Const(0), *map(Ref, names[:-1])]
        calls = [
            Call(id=name, tool="step", args={"number": arg})
            for name, arg in zip(names, args, strict=True)
        ]
    else:
        calls = [
            Call(id=name, tool="step", args={"number": Const(number)})
            for number, name in enumerate(names)
        ]
    if job.joined:
        before = expression(f"[{', '.join(names[:-1])}]")
        calls[-1] = Call(id=names[-1], tool="join", args={"numbers": before})
    text = expression(f"f'{{{names[-1]}}}'")
    return Plan(nodes={call.id: call for call in calls}, answer=Answer(text=text))


def tools(job: Job, effect: Effect) -> list[Tool[..., Any]]:
    @tool(effect=effect)
    async def step(number: int) -> int:
        """The next number."""
        return await job.step(number)

    @tool(effect=effect)
    async def join(numbers: list[int]) -> int:
        """The number after all of these."""
        return await job.step(len(numbers))

    return [step, join]


@asynccontextmanager
async def engine(job: Job) -> AsyncGenerator[Run, None]:
    effect, _, sync = job.mode.partition("-")
    store = open_store(job.folder / "store", sync=cast("Sync", sync or "power"))
    whole, made = plan(job), tools(job, cast("Effect", effect))

    async def run(name: str) -> dict[str, Any]:
        agent = Agent(
            model=ScriptedModel(),
            planner=Fixed(whole),
            tools=made,
            store=store,
            limits=Limits(repeats=job.count),
            new_id=lambda: name,
        )
        if effect == "pure":
            assert (await agent.run("all steps")).answer == str(job.count)
            return {}
        before = fold(await store.journal.events(name))
        doubted: list[str] = []
        state = await attempt(agent, store, name)
        while doubt := [node for node, end in state.outcomes.items() if end.status == "in_doubt"]:
            doubted += doubt
            await decide(job, store, name, doubt)
            state = await attempt(agent, store, name)
        assert state.answer == str(job.count), state.error
        return {
            "ended": numbers(before.outcomes),
            "started": numbers(before.started),
            "doubted": numbers(doubted),
        }

    yield run
    await store.close()


async def attempt(agent: Agent, store: Store, run: str) -> RunState:
    """The run, begun or carried on as far as it goes."""
    stored = await store.journal.events(run)
    # Nothing is left to answer from where what a step needs is in doubt: that is an error.
    with suppress(RunError):
        await (agent.resume(run) if stored else agent.run("all steps"))
    return fold(await store.journal.events(run))


async def decide(job: Job, store: Store, run: str, doubt: list[str]) -> None:
    """Say of each call in doubt what the witness has seen."""
    seen = (job.folder / WITNESS).read_text().splitlines()
    for node, number in zip(doubt, numbers(doubt), strict=True):
        did = f"did {number}" in seen
        value = number + 1 if did else None
        await resolve(store.journal, run, node, done=did, value=value, by="the witness")


def numbers(nodes: Iterable[str]) -> list[int]:
    """The steps' numbers in the names of their nodes."""
    return [int(node[1:]) for node in nodes]


if __name__ == "__main__":
    main(engine, "agentkit")
