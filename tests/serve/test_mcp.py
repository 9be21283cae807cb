"""Agents and tools served over MCP: to the SDK's client in this process, and to agentkit's own."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import uvicorn
from mcp import Client, MCPError
from mcp_types import ElicitResult, InputRequiredResult

from agentkit import Agent, Audio, Context, tool
from agentkit.artifacts import FolderArtifacts
from agentkit.errors import ToolError
from agentkit.media import Media
from agentkit.serve.mcp import mcp_app, mcp_server
from agentkit.testing import ScriptedModel
from agentkit.tools import McpServer
from tests.cli.process import agentkit

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(8)
ROOT = Path(__file__).resolve().parents[2]
PAID: list[int] = []
NOISY = """
from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel

@tool(effect="pure")
def shout(text: str) -> str:
    "Loud."
    print("from the tool", flush=True)
    return text.upper()

print("from the file", flush=True)
plan = Fixed("said = shout(text='loud')\\nanswer(f'{said}')")
shouter = Agent(model=ScriptedModel(), tools=[shout], planner=plan, store="memory")
"""


@tool(effect="pure")
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


@tool(effect="read", trusted=False)
def draw() -> Annotated[bytes, Media("image/png")]:
    """A picture."""
    return PIXEL


@tool(effect="read")
def size_of(recording: Audio) -> int:
    """Bytes of a recording."""
    return recording.stat().st_size


@tool(approve=True)
def pay(euros: int) -> str:
    """Pays."""
    PAID.append(euros)
    return f"paid {euros}"


@tool(effect="read")
async def count(to: int, context: Context) -> int:
    """Tells how far it is."""
    for n in range(to):
        context.progress(n, to)
    return to


@tool(effect="read")
def look(word: str) -> str:
    """Looks a word up."""
    raise ToolError(f"there is no {word}; look for another word")


TOOLS = [double, draw, size_of, pay, count, look]


def helper(*plans: str, **more: Any) -> Agent[str]:
    model = ScriptedModel(replies=[*plans, "", ""])
    return Agent(model=model, tools=TOOLS, store="memory", name="helper", **more)


async def test_tools_keep_what_they_say_of_themselves() -> None:
    async with Client(mcp_server(helper(), each=True)) as client:
        listed = {one.name: one for one in (await client.list_tools()).tools}
    assert [*listed] == [one.name for one in TOOLS]
    assert listed["double"].description == "Twice the number."
    assert listed["double"].input_schema == double.input_schema
    hints = {name: one.annotations for name, one in listed.items()}
    assert hints["draw"] is not None and hints["pay"] is not None
    assert (hints["draw"].read_only_hint, hints["draw"].open_world_hint) == (True, True)
    assert (hints["pay"].destructive_hint, hints["pay"].idempotent_hint) == (True, False)


async def test_a_call_gives_values_and_files() -> None:
    recording = "data:audio/wav;base64," + base64.b64encode(b"RIFF1234WAVE").decode()
    async with Client(mcp_server(helper(), each=True)) as client:
        twice = await client.call_tool("double", {"n": 21})
        picture = await client.call_tool("draw")
        size = await client.call_tool("size_of", {"recording": recording})
    assert (twice.structured_content, twice.content[0].type) == ({"result": 42}, "text")
    images = [one for one in picture.content if one.type == "image"]
    assert [base64.b64decode(one.data) for one in images] == [PIXEL]
    assert size.structured_content == {"result": 12}


async def test_wrong_arguments_and_unknown_tools_are_told() -> None:
    async with Client(mcp_server(helper(), each=True)) as client:
        wrong = await client.call_tool("double", {"m": 21})
        path = await client.call_tool("size_of", {"recording": "/etc/hostname"})
        failed = await client.call_tool("look", {"word": "fee"})
        with pytest.raises(MCPError, match="no tool 'dubble'; there are double"):
            await client.call_tool("dubble", {"n": 1})
    assert wrong.is_error and "expected an argument of double (n); got 'm'" in str(wrong.content)
    (said,) = failed.content
    assert failed.is_error and said.type == "text"
    assert said.text == "there is no fee; look for another word"
    assert path.is_error and "expected a file as a data: URL" in str(path.content)


async def test_an_agent_is_one_tool_that_tells_how_far_it_is() -> None:
    told: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    plan = "twice = double(n=n)\npicture = draw()\nanswer(f'{twice} {picture.media_type}')"
    async with Client(mcp_server(helper(plan))) as client:
        [one] = (await client.list_tools()).tools
        done = await client.call_tool(
            "helper", {"task": "Double it.", "inputs": {"n": 4}}, progress_callback=hear
        )
        empty = await client.call_tool("helper", {"task": " "})
        misspelt = await client.call_tool("helper", {"task": "Double it.", "input": {"n": 4}})
    assert one.input_schema["required"] == ["task"]
    assert done.structured_content["answer"] == "8 image/png"
    assert sorted(one.type for one in done.content) == ["image", "text"]
    assert sorted(filter(None, told)) == ["picture: value", "twice: value"]
    assert empty.is_error and "expected a task in words" in str(empty.content)
    assert misspelt.is_error and "came input, task" in str(misspelt.content)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("answer", [True, False])
async def test_approval_is_asked_of_the_clients_user(
    mode: Literal["legacy", "auto"], answer: bool
) -> None:
    asked: list[str] = []

    async def ask(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"approve": answer})

    PAID.clear()
    server = mcp_server(helper(), each=True)
    async with Client(server, mode=mode, elicitation_callback=ask) as client:
        done = await client.call_tool("pay", {"euros": 5})
    assert asked == ['May pay be called with {"euros": 5}? (pay asks for it)']
    assert (PAID, done.is_error) == ([5] if answer else [], not answer)


async def test_without_a_way_to_ask_the_call_is_refused() -> None:
    PAID.clear()
    async with Client(mcp_server(helper(), each=True)) as client:
        done = await client.call_tool("pay", {"euros": 5})
    assert done.is_error and "this client cannot ask its user" in str(done.content)
    assert PAID == []


async def test_a_question_cannot_be_answered_for_another_call() -> None:
    async def ask(context: Any, params: Any) -> ElicitResult:
        raise AssertionError("the answers are given by hand")

    PAID.clear()
    server = mcp_server(helper(), each=True)
    async with Client(server, elicitation_callback=ask) as client:
        first = await client.session.call_tool("pay", {"euros": 5}, allow_input_required=True)
        assert isinstance(first, InputRequiredResult) and first.input_requests is not None
        yes = ElicitResult(action="accept", content={"approve": True})
        answers: Any = dict.fromkeys(first.input_requests, yes)
        with pytest.raises(MCPError):
            await client.call_tool(
                "pay", {"euros": 500}, input_responses=answers, request_state=first.request_state
            )
    assert PAID == []


async def test_cancelling_the_request_cancels_the_run() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def forever() -> str:
        """Until it is cancelled."""
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    agent = replace(helper(), tools=[forever, double])
    async with Client(mcp_server(agent, each=True), mode="legacy") as client:
        call = asyncio.create_task(client.call_tool("forever"))
        await begun.wait()
        call.cancel()
        await ended.wait()
        assert (await client.call_tool("double", {"n": 1})).structured_content == {"result": 2}
    assert call.cancelled()


@asynccontextmanager
async def over_http(agent: Agent[Any]) -> AsyncGenerator[str]:
    """The URL of a server on a free port, on this loop."""
    config = uvicorn.Config(mcp_app(agent, each=True), log_config=None, lifespan="on")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            await serving


async def test_an_agent_uses_the_tools_of_another_over_http(tmp_path: Path) -> None:
    plan = """
twice = far_double(n=21)
all = [far_double(n=i) for i in range(100)]
picture = far_draw()
answer(f'{twice.result} {len(all)} {picture.media_type}')
"""
    model = ScriptedModel(replies=[plan, "", ""])
    async with over_http(helper()) as url:
        with McpServer(url, name="far") as server:
            agent = Agent(model=model, tools=[server], store=tmp_path)
            done = await asyncio.to_thread(agent.run_sync, "Use the other one.")
            await asyncio.to_thread(server.close)
        kept = FolderArtifacts(tmp_path / "artifacts")
        handle: Any = done.outcomes["picture"].value
    assert done.answer == "42 100 image/png"
    assert kept.read(handle["sha256"]) == PIXEL


def test_stdout_carries_the_protocol_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    python = [sys.executable, "-W", "error", "-m", "agentkit"]
    command = [*python, "mcp", "--agent", "noisy.py:shouter"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        info = {"name": "test", "version": "1"}
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        call = {"name": "shouter", "arguments": {"task": "Shout."}}
        for message in (
            {"id": 1, "method": "initialize", "params": hello},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": call},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        replies = [json.loads(process.stdout.readline()) for _ in range(2)]
        rest, said = process.communicate()
    assert replies[1]["result"]["structuredContent"]["answer"] == "LOUD"
    assert (rest, process.returncode) == ("", 0)
    assert said == "from the file\nfrom the tool\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tools", "pythn"], "error: expected a tool or one of the names"),
        (["--tools", "python", "--store", "file/store"], "error: cannot open the store"),
    ],
)
def test_what_cannot_be_served_is_told_in_words(
    tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = agentkit(tmp_path, "mcp", *words)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert done.stderr.startswith(said) and "TaskGroup" not in done.stderr
