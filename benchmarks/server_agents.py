"""What `benchmarks/server.py` serves: plans that are there already, so only the server works."""

from __future__ import annotations

import asyncio

from agentkit import Agent, tool
from agentkit.engine.limits import Limits
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel

STEPS = 16
STEP_S = 0.25
REPLY = "A reply as long as replies in a chat often are, a sentence or two, and then it ends."


@tool(effect="read")
async def step(number: int) -> int:
    """The next number, after a while."""
    await asyncio.sleep(STEP_S)
    return number + 1


_CHAIN = [f"n{i + 1} = step(number={f'n{i}' if i else 0})" for i in range(STEPS)]

steady = Agent(
    model=ScriptedModel(),
    tools=[step],
    planner=Fixed("\n".join([*_CHAIN, f"answer(f'{{n{STEPS}}}')"])),
    limits=Limits(repeats=STEPS),
)
chatty = Agent(model=ScriptedModel(), planner=Fixed(f"answer({REPLY!r})"))
