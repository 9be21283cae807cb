"""MCP servers at an address: what they forget, what stands before them, what they are told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentkit import Agent, UsageError
from agentkit.outcome import Outcome
from agentkit.testing import ScriptedModel
from agentkit.tools import McpServer


@dataclass
class Legacy:
    """A server of 2025 with sessions, behind a token, that can fail as a gateway does."""

    sessions: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])

    async def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer s3cret":
            return Response(status_code=401)
        if request.method != "POST":
            return Response(status_code=405)
        message: dict[str, Any] = await request.json()
        session = request.headers.get("mcp-session-id")
        if message["method"] == "initialize":
            self.sessions.append(f"s{len(self.calls)}")
            info = {"name": "old", "version": "1"}
            result: Any = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            reply = {
                "jsonrpc": "2.0",
                "id": message["id"],
                "result": {**result, "serverInfo": info},
            }
            return JSONResponse(reply, headers={"mcp-session-id": self.sessions[-1]})
        if message["method"] == "server/discover":
            error = {"code": -32601, "message": "no such method"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        if session not in self.sessions:
            return Response(status_code=404)
        if "id" not in message:
            return Response(status_code=202)
        return self._tools(message)

    def _tools(self, message: dict[str, Any]) -> Response:
        if message["method"] == "tools/list":
            schema: Any = {"type": "object", "properties": {}}
            names = ("work", "gateway")
            result: Any = {"tools": [{"name": name, "inputSchema": schema} for name in names]}
        else:
            self.calls.append(message["params"]["name"])
            if self.calls[-1] == "gateway":
                return Response("<h1>Bad gateway</h1>", status_code=502, media_type="text/html")
            result = {"content": [{"type": "text", "text": "done"}]}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})


@asynccontextmanager
async def serving(legacy: Legacy) -> AsyncGenerator[str]:
    app = Starlette(routes=[Route("/mcp", legacy.answer, methods=["GET", "POST", "DELETE"])])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            await task


async def end_of(tool: str, server: McpServer, store: Path) -> Outcome:
    model = ScriptedModel(replies=[f"d = {tool}()\nanswer('over')", "", ""])
    agent = Agent(model=model, tools=[server], store=store)
    return (await asyncio.to_thread(agent.run_sync, "Do it.")).outcomes["d"]


async def test_a_session_that_the_server_forgot_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD_TOKEN", "s3cret")
    legacy = Legacy()
    headers = {"Authorization": "Bearer $OLD_TOKEN"}
    async with serving(legacy) as url:
        with McpServer(url, name="old", headers=headers) as server:
            assert (await end_of("old_work", server, tmp_path)).ok
            legacy.sessions.clear()  # as when it was started again
            assert (await end_of("old_work", server, tmp_path)).ok
            lost = await end_of("old_gateway", server, tmp_path)
            assert (await end_of("old_work", server, tmp_path)).ok
            await asyncio.to_thread(server.close)
    assert lost.status == "in_doubt"
    assert legacy.calls == ["work", "work", "gateway", "work"]
    assert "s3cret" not in repr(server)


async def test_who_is_not_let_in_is_told(tmp_path: Path) -> None:
    async with serving(Legacy()) as url:
        with pytest.raises(UsageError, match="the MCP server cannot be used: old"):
            await asyncio.to_thread(McpServer(url, name="old").tools, tmp_path)
    with pytest.raises(UsageError, match="the MCP server cannot be used: old"):
        await asyncio.to_thread(McpServer(url, name="old").tools, tmp_path)
