"""Whether a plan may start: what it costs at worst, against what is left of the run's budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from agentkit.budget import NOTHING, Budget, Dimension, amounts, shown
from agentkit.decisions import BUDGET, Question
from agentkit.engine.context import canonical, idempotency_key
from agentkit.engine.limits import Limits
from agentkit.engine.purse import Purse
from agentkit.errors import BudgetReached
from agentkit.outcome import Outcome
from agentkit.plan.graph import START, Plan
from agentkit.plan.jsonform import plan_to_json
from agentkit.plan.problem import Problem
from agentkit.plan.worst import MOST_NAMED, Part, WorstCase, worst_case
from agentkit.tool import Tool
from agentkit.types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Looks at plans before they start; `purse` knows what was spent, None before a run."""

    budget: Budget
    tools: Mapping[str, Tool]
    limits: Limits
    inputs: Mapping[str, Json]
    usd_per_token: Decimal | None
    purse: Purse | None = None

    def problems(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> list[Problem]:
        """Where what is left of the plan may cost more than is left, or nobody knows how much."""
        worst = worst_case(
            plan,
            self.tools,
            outcomes=outcomes,
            inputs=self.inputs,
            most_nodes=self.limits.nodes,
            usd_per_token=self.usd_per_token,
        )
        found = (
            self._problem(dimension, most, worst)
            for dimension, most in amounts(self.budget).items()
        )
        return [problem for problem in found if problem is not None]

    def question(self, run: str, plan: Plan, problems: list[Problem]) -> Question:
        """What somebody is asked about this plan; the same for the same plan and budget."""
        budget: dict[str, Json] = {
            dimension: shown(dimension, most) for dimension, most in amounts(self.budget).items()
        }
        asked: dict[str, Json] = {"plan": plan_to_json(plan), "budget": budget}
        return Question(
            node=BUDGET,
            tool="budget",
            effect="",
            args=budget,
            key=idempotency_key(run, BUDGET, canonical(asked)),
            why="; ".join(f"the plan may cost {problem.found}" for problem in problems),
        )

    def reached(self, problems: list[Problem]) -> BudgetReached:
        """The error that pauses a run whose stored plan does not fit any more."""
        dimension, most = next(iter(amounts(self.budget).items()))
        said = "; ".join(f"expected {each.expected}, found {each.found}" for each in problems)
        message = f"the plan does not fit into the run's budget: {said}; raise the budget"
        return BudgetReached(message, dimension=dimension, wanted=2 * most, budget=self.budget)

    def _problem(self, dimension: Dimension, most: Decimal, worst: WorstCase) -> Problem | None:
        spent = self.purse.spent()[dimension] if self.purse is not None else NOTHING
        known = worst.known.get(dimension)
        unsure = self.purse is not None and dimension in self.purse.unknown
        if known == 0 or (known is not None and not unsure and spent + known <= most):
            return None
        costliest = worst.costliest(dimension)
        dear = ", ".join(_told(part, dimension) for part in costliest[:MOST_NAMED])
        if known is None:
            found = f"an unknown number of {dimension}, because of {dear}"
        elif unsure:
            found = f"{shown(dimension, known)} at worst ({dear}), after an unknown number of them"
        else:
            found = f"{shown(dimension, known)} at worst: {dear}"
        after = f", of which {shown(dimension, spent)} are spent" if spent else ""
        return Problem(
            code="budget",
            expected=f"a plan within the budget of {shown(dimension, most)}{after}",
            found=found,
            at=costliest[0].at if costliest else START,
            node=costliest[0].node if costliest else None,
        )


def _told(part: Part, dimension: Dimension) -> str:
    amount = part.amount(dimension)
    times = "" if part.times == 1 else f"{'any number' if part.times is None else part.times} × "
    cost = "unknown" if amount is None else shown(dimension, amount)
    return f"{part.node} ({times}{part.tool}) {cost}"
