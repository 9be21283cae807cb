"""The budgets of the runs around a run: what its calls cost is paid from them too."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from agentkit.budget import NOTHING, Amounts
from agentkit.engine.purse import Purse, cost_of
from agentkit.outcome import Outcome
from agentkit.plan.worst import call_bound, call_hold
from agentkit.tool import Tool


@dataclass(frozen=True, slots=True)
class Share:
    """The budget of a run around this one, which is the call of its `node`."""

    purse: Purse
    node: str


@asynccontextmanager
async def paid(shares: Sequence[Share], tool: Tool) -> AsyncGenerator[list[Outcome]]:
    """Holds what a call may cost in all these budgets; what it really cost is taken once its
    outcome is in the list. Raises `BudgetReached` as calls of models do."""
    ends: list[Outcome] = []
    held, holding = _most(tool), list[Share]()
    try:
        for share in shares:
            await share.purse.reserve(share.node, held, f"the call of {tool.name} in {share.node}")
            holding.append(share)
        yield ends
    finally:
        used: Amounts = cost_of(tool, ends[0]) if ends else {"usd": NOTHING}
        for share in holding:
            share.purse.settle(share.node, held, used)


def _most(tool: Tool) -> Amounts:
    """Without what it asks a model, and what a run of its own does: that is paid by itself."""
    if tool.nested is not None:
        return {"calls": Decimal(1), "usd": NOTHING, "tokens": NOTHING}
    return {**call_hold(tool, call_bound(tool)), "tokens": NOTHING}
