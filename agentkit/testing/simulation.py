"""Runs of agents on a virtual clock: random plans, random faults, kills and resumes, from one seed.

The scheduler, the journal's rules, the planner's turns and approval are the real ones; tools, time
and the disk are simulated. The same seed gives the same journal, byte for byte.

    >>> done = simulate(7)
    >>> done.journal == simulate(7).journal
    True
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from agentkit.agent import Agent
from agentkit.artifacts import FolderArtifacts
from agentkit.decide import approve, deny, resolve
from agentkit.decisions import Decision, Question
from agentkit.decisions import approve as allowed
from agentkit.decisions import deny as refused
from agentkit.errors import RunError, StoreError
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.messages import Request
from agentkit.models.scripted import ScriptedModel
from agentkit.state import RunState
from agentkit.store import Store
from agentkit.testing.group_commit import GroupCommitJournal
from agentkit.testing.invariants import check_run
from agentkit.testing.random_plan import RandomPlanner
from agentkit.testing.virtual_time import VirtualTimeLoop
from agentkit.testing.world import LONGEST_COMMIT_S, World, make_world

_MOST_TROUBLES = 5
"""Lives of a run that something may happen to; those after them are left in peace."""
_MOST_LIVES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What a seed came to. `troubles` are what ended each life of the run, in order."""

    seed: int
    events: Sequence[Event]
    troubles: Sequence[str]
    state: RunState

    @property
    def journal(self) -> bytes:
        """The run's events, a line of JSON each."""
        rows = [[e.seq, e.time, e.type, e.node, e.version, e.data] for e in self.events]
        return "\n".join(json.dumps(row, separators=(",", ":")) for row in rows).encode()


def simulate(seed: int) -> Simulated:
    """The run of this seed, carried on through its kills and pauses to its end.

    Raises `AssertionError`, naming the seed and how to run it alone, where a rule is broken: those
    of `check_run`; no bound of the limits or of a tool is exceeded; a `once` call takes effect at
    most once, and only after its intent was durable; no task is left when a run has ended.
    """
    chance = Random(f"{seed}/lives")
    life = _Life(make_world(seed), chance)
    try:
        with asyncio.Runner(loop_factory=partial(VirtualTimeLoop, alone=True)) as runner:
            events = runner.run(life.to_the_end())
        once = [tool.name for tool in life.world.tools.values() if tool.effect == "once"]
        check_run(events, limits=life.world.limits, once=once)
        assert not life.world.wrong, "\n".join(life.world.wrong)
    except Exception as error:
        alone = f'python -c "from agentkit.testing.simulation import simulate; simulate({seed})"'
        told = f"seed {seed} (run it alone: {alone})\nlives: {', '.join(life.troubles)}"
        raise AssertionError(f"{told}\n{type(error).__name__}: {error}") from error
    return Simulated(seed=seed, events=events, troubles=life.troubles, state=fold(events))


@dataclass(slots=True)
class _Life:
    """One run, from process to process."""

    world: World
    chance: Random
    troubles: list[str] = field(default_factory=list[str])

    async def to_the_end(self) -> Sequence[Event]:
        journal = GroupCommitJournal(commit_s=lambda: LONGEST_COMMIT_S * self.chance.random())
        while True:
            assert len(self.troubles) < _MOST_LIVES, "the run comes to no end"
            journal, ended = await self._live(journal)
            events = await journal.kept.events(self._run)
            if ended and not await self._decided(journal, fold(events)):
                return events

    @property
    def _run(self) -> str:
        return f"run-{self.world.seed}"

    async def _live(self, before: GroupCommitJournal) -> tuple[GroupCommitJournal, bool]:
        """One process works on the run. Returns its journal, and whether the run ended by itself.

        The trouble that it meets: a kill or a cancellation at a moment, a kill or a full disk at a
        record, or none.
        """
        peace = len(self.troubles) >= _MOST_TROUBLES
        kind = "none" if peace else self.chance.choice(_TROUBLES)
        record, moment_s = self.chance.randint(1, 60), self.chance.choice((0.1, 1.0, 5.0, 20.0))
        hit = asyncio.Event()
        journal = before.survivor(
            takes=record if kind == "disk full" else None,
            dies=record if kind == "killed at a record" else None,
            died=hit.set,
        )
        self.world.begin()
        self.world.announced = journal.announced.__contains__
        work = asyncio.create_task(self._process(journal))
        if kind in ("killed", "cancelled"):
            limit_s = moment_s * self.chance.random()
            await asyncio.wait([work], timeout=limit_s)
        else:
            bell = asyncio.create_task(hit.wait())
            await asyncio.wait([work, bell], return_when=asyncio.FIRST_COMPLETED)
            bell.cancel()
            await asyncio.gather(bell, return_exceptions=True)
        stopped = not work.done()
        if stopped and kind != "cancelled":
            self.world.alive = False
            journal.kill()
        work.cancel()
        (end,) = await asyncio.gather(work, return_exceptions=True)
        if self.world.alive and not isinstance(end, StoreError):
            await journal.close()
        self._note(kind, end, stopped)
        return journal.survivor(), not stopped and not isinstance(end, StoreError)

    def _note(self, kind: str, end: object, stopped: bool) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks outlive their run: {left}"
        if isinstance(end, BaseException) and not isinstance(
            end, RunError | asyncio.CancelledError
        ):
            raise end
        how = "answered" if not isinstance(end, BaseException) else type(end).__name__
        self.troubles.append(kind if stopped else how)

    async def _process(self, journal: GroupCommitJournal) -> object:
        loop = asyncio.get_running_loop()
        store = Store(folder=_NOWHERE.folder, journal=journal, artifacts=_NOWHERE)
        agent: Agent[Any] = Agent(
            model=ScriptedModel(replies=_reply, tokens_per_s=50),
            tools=list(self.world.tools.values()),
            planner=RandomPlanner(self.world),
            limits=self.world.limits,
            approve=("once",) if self.world.seed % 5 == 0 else (),
            approver=self._asked if self.world.seed % 3 == 0 else None,
            store=store,
            clock=loop.time,
            new_id=lambda: self._run,
        )
        if await journal.kept.events(self._run):
            return await agent.resume(self._run)
        return await agent.run("Do as the seed says.", inputs={"x": self.world.seed % 100})

    async def _asked(self, questions: Sequence[Question]) -> Sequence[Decision]:
        """Somebody at the console: takes a while, and may answer only some."""
        await asyncio.sleep(10 * self.chance.random())
        some = questions[: self.chance.randint(0, len(questions))]
        return [allowed(one) if self.chance.random() < 0.8 else refused(one) for one in some]

    async def _decided(self, journal: GroupCommitJournal, state: RunState) -> bool:
        """Decide what the run waits for, as another process does. Returns whether it goes on."""
        clock = asyncio.get_running_loop().time
        if state.status == "paused":
            nodes = list(state.asked)
            assert nodes, "the run is paused, and waits for nothing"
            for node in nodes[: self.chance.randint(1, len(nodes))]:
                if self.chance.random() < 0.7:
                    args = {"a": 5} if "a" in state.asked[node].args else None
                    edited = args if self.chance.random() < 0.3 else None
                    await approve(journal, self._run, node, args=edited, clock=clock)
                else:
                    await deny(journal, self._run, node, clock=clock)
            await journal.flush()
            return True
        if state.status == "failed":
            return len(self.troubles) < _MOST_TROUBLES and self.chance.random() < 0.3
        doubtful = [name for name, end in state.outcomes.items() if end.status == "in_doubt"]
        if state.status == "answered" and doubtful and self.chance.random() < 0.7:
            node = self.chance.choice(doubtful)
            key = state.intents.get(node, "")
            done = key in self.world.results
            value = self.world.results.get(key)
            await resolve(journal, self._run, node, done=done, value=value, clock=clock)
            return True
        return state.status == "cancelled"


_TROUBLES = (
    "none", "none", "killed", "killed", "killed at a record", "killed at a record", "disk full",
    "cancelled",
)  # fmt: skip

_NOWHERE = FolderArtifacts("never-written")


def _reply(request: Request) -> str:
    return "It came to what it came to."
