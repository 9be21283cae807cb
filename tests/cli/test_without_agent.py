"""`agentkit run` without an agent of one's own: a model behind HTTP, a folder of documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.models.server import Server, stream

from .process import agentkit

pytestmark = pytest.mark.anyio

PLAN = """\
hits = search(query="visitors", k=1)
made = write_file(path="answer.md", text=hits[0].text)
answer(f"{made.path}: {hits[0].text} Rate {rate}, {len(notes)} bytes.")
"""


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    """A real HTTP server on this machine, which writes the plan."""
    chunks: list[object] = [
        {"choices": [{"index": 0, "delta": {"content": PLAN}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    server = Server(answers=[stream(chunks)])
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    async with listener:
        yield server


async def test_documents_files_inputs_and_values_by_options(tmp_path: Path, server: Server) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "office.md").write_text("Visitors wear a yellow badge.")
    (tmp_path / "out").mkdir()
    env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
    arguments = ("--docs", "docs", "--files", "out", "--tool", "python", "--model", "openai:any")
    given = ("--value", "rate=1.5", "--value", "notes=abc")
    done = await asyncio.to_thread(
        agentkit, tmp_path, "run", "Who wears a badge?", *arguments, *given, env=env
    )
    assert done.stdout == "answer.md: Visitors wear a yellow badge. Rate 1.5, 3 bytes.\n", (
        done.stderr
    )
    assert (tmp_path / "out" / "answer.md").read_text() == "Visitors wear a yellow badge."
    (prompt,) = [body["messages"] for body in server.bodies]
    assert all(name in str(prompt) for name in ("def search", "def write_file", "def python"))
    assert "def transcribe" not in str(prompt)
    again = await asyncio.to_thread(agentkit, tmp_path, "resume", "last", env=env)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert len(server.bodies) == 1


async def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}
    done = await asyncio.to_thread(
        agentkit, tmp_path, "run", "Hello?", "--model", "openai:any", env=env
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("error: ")]
    assert "127.0.0.1:9" in line
