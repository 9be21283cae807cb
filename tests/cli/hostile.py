"""An agent whose names and texts would act on a terminal, one whose results are long."""

from __future__ import annotations

from pathlib import Path

from agentkit import Agent, Artifact, ToolError, tool
from agentkit.artifacts import FolderArtifacts
from agentkit.messages import Request
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from tests.huge import LONG, fail_long, many, much, some

EVIL = (
    "\x1b]0;owned\x07\x1b]8;;https://evil.example\x1b\\\x1b[2J\x1b[38;5;199m\x9b31m\u202etxt\r\x7f"
)


@tool(effect="read", trusted=False)
async def give(text: str) -> dict[str, str]:
    """Give it back."""
    return {"text": text, text: text}


@tool(effect="read", trusted=False)
async def fail(text: str) -> str:
    """Fail with it."""
    raise ToolError(text)


@tool(effect="read", trusted=False)
async def keep(text: str) -> Artifact:
    """Keep it in a file of that name."""
    return FolderArtifacts(Path("kept")).put(b"x", media_type=text, name=text)


@tool(effect="write", approve=True)
async def send(to: str, text: str) -> int:
    """Send it."""
    return len(text)


ACTING = f"a = give(text={EVIL!r})\nk = keep(text=a.text)\nanswer(f'{{a.text}}')"
FAILING = f"a = fail(text={EVIL!r})\nb = fail_long()\nanswer(using=[a, b])"
LASTING = "a = much()\nb = many()\nc = some()\nanswer(f'{c}')"
WORDY = f"a = give(text={LONG!r})\nanswer(f'{{a.text}}')"
SENDING = f"a = much()\ns = send(to={EVIL!r}, text=a)\nanswer(f'{{s}}')"


def planned(plan: str) -> ScriptedModel:
    def reply(request: Request) -> str:
        return "pass" if "The program so far:" in request.messages[-1].content else plan

    return ScriptedModel(replies=reply, name=EVIL)


acting = Agent(model=planned(ACTING), tools=[give, fail, keep], name=EVIL)
failing = Agent(model=planned(FAILING), tools=[fail, fail_long])
lasting = Agent(model=planned(LASTING), tools=[much, many, some])
wordy = Agent(model=planned(WORDY), tools=[give])
written = Agent(model=ScriptedModel(), planner=Fixed(WORDY), tools=[give])
sending = Agent(model=planned(SENDING), tools=[much, send])
