"""Agents that meet bad input: real tools, and a model whose plans are known."""

from __future__ import annotations

from pathlib import Path

from agentkit import Agent, ToolError, tool
from agentkit.engine.limits import Limits
from agentkit.testing import Scripted, ScriptedModel
from agentkit.tools.read_image import read_image
from agentkit.tools.search import search
from agentkit.tools.transcribe import transcribe


@tool(effect="read")
def raises(reason: str) -> str:
    """Fails, and says why."""
    raise ToolError(f"the printer is on fire: {reason}")


@tool(effect="read")
def wrong_type(n: int) -> int:
    """Promises a number and gives something else."""
    return {"n": n}  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@tool(effect="read")
def long_text(n: int) -> str:
    """Much text, which needs room."""
    return "text " * n


def planned(plan: str) -> ScriptedModel:
    """A model that writes this plan, and has nothing to add when it is told of a failure."""
    return ScriptedModel(replies=[plan, "", "", ""])


raising = Agent(model=planned('a = raises(reason="rust")\nanswer(f"{a}")'), tools=[raises])
mistyped = Agent(model=planned('a = wrong_type(n=1)\nanswer(f"{a}")'), tools=[wrong_type])
roomy = Agent(model=planned('a = long_text(n=90000)\nanswer(f"{a}")'), tools=[long_text])
listener = Agent(
    model=planned('talk = transcribe(audio=call)\nanswer(f"{talk.text}")'), tools=[transcribe()]
)
VIEW = "page = read_image(image=picture)\nanswer(page.text)"
viewer = Agent(model=ScriptedModel(replies=[VIEW, VIEW, ""]), tools=[read_image()])
reader = Agent(
    model=planned('hits = search(query="refund")\nanswer(f"{hits}")'),
    tools=[search(Path(__file__).parent / "docs")],
)
endless = Agent(
    model=ScriptedModel(replies=[Scripted(text="# hm\n", endless=True)]), limits=Limits(seconds=30)
)
remote = Agent(tools=[raises])
