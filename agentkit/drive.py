"""Drives one run from where its journal stands to its end.

A turn of the planner streams patches; each is checked and its nodes start while the planner goes
on writing. A turn ends with problems (the planner mends them), with `observe` (it sees those
results and goes on), or with the program's end (failures go back to it). Then comes the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agentkit.admission import Admission
from agentkit.engine.limits import Limits
from agentkit.engine.scheduler import Scheduler
from agentkit.errors import PlanRefused, RunPaused
from agentkit.outcome import Outcome
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import Observe, Patch, Plan
from agentkit.plan.jsonform import patch_to_json
from agentkit.plan.problem import Problem, problem_to_json
from agentkit.plan.reach import cut_off
from agentkit.protocols import Brief, Model, Planner, Recalled
from agentkit.record import Recorder
from agentkit.tool import Tool
from agentkit.types import Json

Ended: TypeAlias = Literal["answer", "observe", "end", "problems"]
Start: TypeAlias = Callable[[Patch, frozenset[str]], None]


@dataclass(slots=True)
class Planning:
    """The planner's side of a run: what it has proposed, was refused and has been told.

    `repairs` counts the turns that ended with problems, `told` are the failures that the planner
    has been told of, `grew` says whether the last turn changed the plan. A turn that a crash cut
    off is taken again: `began` is the plan that it found, `done` what it had changed by then. What
    the planner proposes once more is there already. `admission` holds plans against the budget.
    """

    task: str
    planner: Planner
    model: Model
    tools: Mapping[str, Tool]
    recorder: Recorder
    limits: Limits
    plan: Plan
    recalled: Recalled = Recalled()
    instructions: str = ""
    turn: int = 0
    repairs: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    refused: list[str] = field(default_factory=list[str])
    told: set[str] = field(default_factory=set[str])
    grew: bool = False
    began: Plan | None = None
    done: Sequence[Patch] = ()
    admission: Admission | None = None

    async def take_turn(self, outcomes: Mapping[str, Outcome], start: Start) -> Ended:
        """One turn: every sound patch is applied, recorded and handed to `start` at once, with the
        nodes that it cuts off from the answer."""
        brief = self._brief(outcomes)
        told = self._untold(outcomes)
        stood = self.problems, "\n".join(self.refused)
        self.problems, self.refused, self.grew = [], [], bool(self.done)
        done, self.began, self.done = [*map(patch_to_json, self.done)], None, ()
        scope = scope_of(self.plan, self.tools)
        ended: Ended = "end"
        async with aclosing(self.planner.propose(brief)) as proposals:
            async for proposal in proposals:
                if isinstance(proposal, Problem):
                    self._refuse([proposal], "")
                    continue
                form = patch_to_json(proposal)
                if form not in done:
                    checked = check_patch(scope, proposal, self._dear(outcomes))
                    scope = checked.scope
                    if not checked.accepted:
                        self._refuse(checked.problems, proposal.source)
                        continue
                    lost = cut_off(self.plan, proposal)
                    self._accept(scope.plan, proposal, form)
                    start(proposal, lost)
                ended = _ending(proposal)
                if ended != "end":
                    break
        if stood[0] and not self.problems and not self.grew and self.plan.answer is None:
            self._refuse(*stood)  # nothing was mended, and there is no plan without it
        if self.problems:
            ended = "problems"
        self._end(ended, told)
        return ended

    def _dear(self, outcomes: Mapping[str, Outcome]) -> Callable[[Plan], list[Problem]] | None:
        """What finds that a plan may cost too much, where such plans are refused."""
        admission = self.admission
        if admission is None or admission.budget.when_over != "refuse":
            return None
        return lambda plan: admission.problems(plan, outcomes)

    async def admit(self, scheduler: Scheduler) -> None:
        """Returns where the plan may start within the budget, or somebody allows it.

        Raises `RunPaused` until somebody has, `PlanRefused` where it was denied.
        """
        admission = self.admission
        if admission is None or admission.budget.when_over == "go":
            return
        problems = admission.problems(self.plan, scheduler.outcomes)
        if not problems:
            return
        if admission.budget.when_over == "refuse":
            raise admission.reached(problems)
        question = admission.question(self.recorder.run, self.plan, problems)
        if (await scheduler.decision(question)).verdict != "approve":
            raise PlanRefused(problems)

    def _end(self, ended: Ended, told: set[str]) -> None:
        data: dict[str, Json] = {"turn": self.turn, "ended": ended, "told": [*sorted(told)]}
        self.recorder.record("plan.turn", data=data)
        self.turn += 1
        self.told |= told
        self.repairs += ended == "problems"

    def _brief(self, outcomes: Mapping[str, Outcome]) -> Brief:
        return Brief(
            task=self.task,
            plan=self.plan if self.began is None else self.began,
            tools=self.tools,
            model=self.model,
            outcomes=outcomes,
            problems=tuple(self.problems),
            refused="\n".join(self.refused),
            turn=self.turn,
            examples=self.recalled.examples,
            history=self.recalled.history,
            instructions=self.instructions,
        )

    def _accept(self, plan: Plan, patch: Patch, form: Json) -> None:
        self.plan, self.grew = plan, True
        data: dict[str, Json] = {"turn": self.turn, "patch": form, "source": patch.source}
        self.recorder.record("plan.patched", data=data, patch=patch)

    def _refuse(self, problems: Sequence[Problem], source: str) -> None:
        """Keep what is wrong for the repair turn."""
        self.problems += problems
        self.refused += [source] if source else []
        shown: list[Json] = [problem_to_json(problem) for problem in problems]
        data: dict[str, Json] = {"turn": self.turn, "source": source, "problems": shown}
        self.recorder.record("plan.refused", data=data)

    def news(self, outcomes: Mapping[str, Outcome]) -> bool:
        """Whether a node has failed, or was denied, that the planner has not been told of."""
        return bool(self._untold(outcomes))

    def _untold(self, outcomes: Mapping[str, Outcome]) -> set[str]:
        told = {name for name, end in outcomes.items() if end.status in ("failed", "denied")}
        return told - self.told


def _ending(patch: Patch) -> Ended:
    """Whether this patch ends the turn: nothing after an answer or an observation is read."""
    if patch.answer is not None:
        return "answer"
    return "observe" if any(isinstance(node, Observe) for node in patch.add) else "end"


async def drive(planning: Planning, scheduler: Scheduler, ended: Ended | None) -> None:
    """Take turns until the plan stands and everything in it has ended.

    `ended` is how the last turn in the journal ended, None where one is still to be taken.
    Raises `PlanRefused` where problems are left after the repair turns, `RunPaused` where the run
    waits for somebody; what runs has ended then.
    """
    await planning.admit(scheduler)
    scheduler.add(planning.plan.nodes.values())
    held: list[tuple[Patch, frozenset[str]]] = []
    while True:
        if ended is None:
            ended = await _turn(planning, scheduler, held)
        if ended == "problems":
            if planning.repairs > planning.limits.repairs:
                raise PlanRefused(planning.problems)
        elif ended == "observe":
            nodes = planning.plan.nodes.values()
            await scheduler.settled([node.id for node in nodes if isinstance(node, Observe)])
        else:
            await scheduler.settled()
            grown = ended == "end" and planning.grew
            if not grown and not planning.news(scheduler.outcomes):
                return
        if planning.turn > planning.limits.replans + planning.repairs:
            await scheduler.settled()
            return
        ended = None


async def _turn(
    planning: Planning, scheduler: Scheduler, held: list[tuple[Patch, frozenset[str]]]
) -> Ended:
    """A turn of the planner; where its whole plan has to be admitted, its patches wait in `held`
    until they are sound and that has happened."""
    admission = planning.admission
    streams = admission is None or admission.budget.when_over == "go"

    def hold(patch: Patch, lost: frozenset[str]) -> None:
        """What may not start yet."""
        held.append((patch, lost))

    try:
        start = scheduler.patch if streams else hold
        ended = await planning.take_turn(scheduler.outcomes, start)
    except RunPaused as error:  # the budget does not allow the planner's call
        await scheduler.pause(error)
        raise
    if held and ended != "problems":
        await planning.admit(scheduler)
        for patch, lost in held:
            scheduler.patch(patch, lost)
        held.clear()
    return ended
