"""A plan that you wrote."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from agentkit.plan.graph import Patch, Plan
from agentkit.plan.problem import Problem
from agentkit.plan.program import ProgramReader
from agentkit.protocols import Brief


@dataclass(frozen=True, slots=True)
class Fixed:
    """Proposes one plan, whatever the task: a `Plan`, or text in the plan language.

    After an `observe` the rest of the text follows. Failures do not change the plan; where a part
    of it is refused, all of it is.

        >>> from agentkit import Agent
        >>> from agentkit.planners import Fixed
        >>> from agentkit.testing import ScriptedModel
        >>> planner = Fixed("answer(f'{6 * 7}')")
        >>> agent = Agent(model=ScriptedModel(), planner=planner, store="memory")
        >>> agent.run_sync("What is six times seven?").answer
        '42'
    """

    plan: Plan | str

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """The plan as one patch, or the text's patches and problems statement by statement."""
        if brief.problems:  # what was refused cannot be mended: the plan is as it is
            for problem in brief.problems:
                yield problem
            return
        if isinstance(self.plan, Plan):
            if brief.turn == 0:
                yield Patch(add=tuple(self.plan.nodes.values()), answer=self.plan.answer)
            return
        if brief.turn and brief.plan.answer is not None:
            return
        reader = ProgramReader(brief.tools, Plan(inputs=brief.plan.inputs))
        for proposal in [*reader.feed(self.plan), *reader.close()]:
            if isinstance(proposal, Problem) or not _stands(proposal, brief.plan):
                yield proposal


def _stands(patch: Patch, plan: Plan) -> bool:
    """Whether an earlier turn has put this patch into the plan."""
    return bool(patch.add) and all(node.id in plan.nodes for node in patch.add)
