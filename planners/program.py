"""Plans written in the plan language, streamed: each statement is a patch as soon as it closes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from agentkit.messages import Request, Text
from agentkit.models.complete import bounded
from agentkit.plan.graph import Patch
from agentkit.plan.problem import Problem
from agentkit.plan.program import ProgramReader
from agentkit.planners.guided import guided
from agentkit.planners.prompting import program_prompt
from agentkit.protocols import Brief


@dataclass(frozen=True, slots=True)
class Program:
    """Lets the model write a program of the plan language.

    What was refused, what came out at an `observe` and what failed go back to it in its next turn.
    A small model (`profile.guided`) writes under a grammar instead and needs no second turn.
    """

    max_tokens: int = 2048

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """A patch or a problem for each statement as the model closes it. Raises `ModelError`."""
        source = guided(brief) if brief.model.profile.guided else self._streamed(brief)
        async with aclosing(source) as proposals:
            async for proposal in proposals:
                yield proposal

    async def _streamed(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        request = Request(
            messages=program_prompt(brief), purpose="plan", max_tokens=self.max_tokens
        )
        reader = ProgramReader(brief.tools, brief.plan)
        async with aclosing(bounded(brief.model, request)) as stream:
            async for delta in stream:
                if isinstance(delta, Text):
                    for proposal in reader.feed(delta.text):
                        yield proposal
        for proposal in reader.close():
            yield proposal
