"""A model whose calls wait until they fit into the run's budget, and are settled when they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from agentkit.budget import Cost, amounts
from agentkit.engine.purse import Purse
from agentkit.messages import Delta, Done, Profile, Request, Text
from agentkit.models.profile import most_of, usage_of
from agentkit.protocols import Model


@dataclass(slots=True)
class MeteredModel:
    """The inner model within the budget; `node` is the call that asks it, None for the run."""

    inner: Model
    purse: Purse
    node: str | None = None

    @property
    def name(self) -> str:
        """The name of the model behind this one."""
        return self.inner.name

    @property
    def profile(self) -> Profile:
        """What the model behind this one can do."""
        return self.inner.profile

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The inner stream. Raises `BudgetReached` where nothing will be left for it."""
        most = amounts(most_of(request, self.profile))
        what = f"a call of {self.name} by {self.node or request.purpose}"
        await self.purse.reserve(self.node, most, what)
        text: list[str] = []
        done: Done | None = None
        try:
            async with aclosing(self.inner.stream(request)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Text):
                        text.append(delta.text)
                    elif isinstance(delta, Done):
                        done = delta
                    yield delta
        finally:
            usage = usage_of(request, self.profile, "".join(text), done)
            tokens = usage.input_tokens + usage.output_tokens
            used = amounts(Cost(tokens=tokens, usd=usage.cost_usd)) if usage.calls else most
            self.purse.settle(self.node, most, used)
