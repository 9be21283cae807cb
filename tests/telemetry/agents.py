"""Agents whose runs show everything that spans are made of, for this process and for others."""

from __future__ import annotations

from agentkit import Agent, Retry, ToolError, tool
from agentkit.messages import Request
from agentkit.testing import ScriptedModel

SECRET = "sk-live-1234"
PRIVATE = "the diary of Ann"

PLAN = f"""\
one = shaky(password={SECRET!r})
three = ask(question="Whose is it?", about={PRIVATE!r})
sizes = [length(text=word) for word in ["a", "bc"]]
told = helper(task="look after {PRIVATE}")
lost = broken()
answer(using=[one, three, sizes, told])
"""


class Shaky:
    """Works at every second time."""

    tries = 0


@tool(effect="read", retry=Retry(attempts=2, first_s=0.0))
async def shaky(password: str) -> int:
    """Works at the second time."""
    Shaky.tries += 1
    if Shaky.tries % 2:
        raise ToolError(f"{PRIVATE} is in use", retryable=True)
    return 1


@tool(effect="pure")
def length(text: str) -> int:
    """Characters."""
    return len(text)


@tool(effect="read")
async def broken() -> int:
    """Never works."""
    raise ToolError(f"{PRIVATE} is locked")


def reply(request: Request) -> str:
    if request.purpose == "plan":
        return "answer('nothing to mend')" if "ToolError" in str(request.messages) else PLAN
    return f"It is about {PRIVATE}."


helper = Agent(
    name="helper",
    model=ScriptedModel(name="acme:small-2", replies=["ok = length(text='abc')\nanswer(f'{ok}')"]),
    tools=[length],
)

agent = Agent(
    name="reader",
    model=ScriptedModel(replies=reply),
    tools=[shaky, "ask", length, broken, helper],
)

TREE = {
    ("", "invoke_agent reader"): 1,
    ("invoke_agent reader", "plan reader"): 2,
    ("plan reader", "chat scripted"): 2,
    ("invoke_agent reader", "execute_tool shaky"): 1,
    ("invoke_agent reader", "execute_tool ask"): 1,
    ("execute_tool ask", "chat scripted"): 1,
    ("invoke_agent reader", "map"): 1,
    ("invoke_agent reader", "execute_tool length"): 2,
    ("invoke_agent reader", "execute_tool broken"): 1,
    ("invoke_agent reader", "execute_tool helper"): 1,
    ("execute_tool helper", "invoke_agent helper"): 1,
    ("invoke_agent helper", "plan helper"): 1,
    ("plan helper", "chat small-2"): 1,
    ("invoke_agent helper", "execute_tool length"): 1,
}
"""The run of `agent`: what stands under what, and how often."""
