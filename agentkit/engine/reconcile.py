"""A `once` call that was begun and not heard of again: did it take effect?"""

from __future__ import annotations

import asyncio
import inspect

from agentkit.engine.context import CallContext
from agentkit.engine.door import finished
from agentkit.engine.tasks import STOPS
from agentkit.errors import said
from agentkit.outcome import Failure, Outcome
from agentkit.tool import NOT_DONE, Tool


async def reconciled(tool: Tool, context: CallContext) -> Outcome | None:
    """What the call came to; None where it did not take effect and can be made; else in doubt."""
    if tool.reconcile is None:
        return _in_doubt(tool, context, "")
    try:
        if inspect.iscoroutinefunction(tool.reconcile):
            found = await tool.reconcile(context.key)
        else:
            found = await asyncio.to_thread(tool.reconcile, context.key)
        return None if found is NOT_DONE else Outcome("value", finished(tool, found, context))
    except STOPS:
        raise
    except BaseException as error:  # noqa: BLE001 - the tool's boundary
        return _in_doubt(tool, context, f" (its reconcile said: {said(error)})")


def _in_doubt(tool: Tool, context: CallContext, why: str) -> Outcome:
    message = (
        f"{tool.name} was called before and stopped, and nobody knows whether it took effect"
        f"{why}; look for key {context.key[:12]}, then say so: "
        f"agentkit resolve {context.run} {context.node} --done or --not-done"
    )
    return Outcome("in_doubt", failure=Failure("InDoubt", message), attempts=0)
