"""Agents whose models say what a script says, for tests of the server."""

from __future__ import annotations

from agentkit import Agent, tool
from agentkit.errors import ToolError
from agentkit.messages import Request
from agentkit.testing import ScriptedModel


@tool(effect="once", approve=True)
def send(to: str, text: str) -> str:
    """Send a message."""
    return f"sent to {to}: {text}"


@tool(effect="read")
def fail() -> str:
    """Fail."""
    raise ToolError("out of order")


def plan(request: Request) -> str:
    """What is asked for decides what is planned: `send …`, `weather …`, else it is repeated."""
    task = request.messages[-1].content.rpartition("Task: ")[2].partition("\n")[0]
    if "The program so far:" in request.messages[-1].content:
        return ""
    if task.startswith("send"):
        return "note = send(to='Ann', text='hello')\nanswer(f'{note}')"
    if task.startswith("weather"):
        return "found = get_weather(city='Prague')\nanswer(f'It is {found} in Prague.')"
    if task.startswith("fail"):
        return "found = fail()\nanswer(f'{found}')"
    return f"answer({'You said: ' + task!r})"


echo = Agent(model=ScriptedModel(replies=plan), tools=[send, fail])
