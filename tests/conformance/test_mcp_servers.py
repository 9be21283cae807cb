"""MCP servers of others, from the registries, as tools of an agent."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Run
from agentkit.testing import ScriptedModel
from agentkit.tools import McpServer

from .outside import NPM, environment, line, node_modules, program

EVERYTHING = "@modelcontextprotocol/server-everything"
FILES = "@modelcontextprotocol/server-filesystem"
LOCAL = "--allow-private-ips"
PYPI = ("mcp-server-git==2026.10.19", "mcp-server-time==2026.10.19", "mcp-server-fetch==2026.10.24")


@pytest.fixture(scope="module")
def modules() -> Path:
    return node_modules(*NPM)


@pytest.fixture(scope="module")
def programs() -> Path:
    return environment(*PYPI)


@pytest.fixture(scope="module")
def everything(modules: Path) -> Generator[McpServer]:
    with McpServer(line(program(modules, EVERYTHING)), name="all") as server:
        yield server


def run(plan: str, server: McpServer, store: Path) -> Run[str]:
    model = ScriptedModel(replies=[plan, "", ""])
    return Agent(model=model, tools=[server], store=store).run_sync("Do it.")


def test_everything(everything: McpServer, tmp_path: Path) -> None:
    plan = """
said = all_echo(message='hello')
total = all_get_sum(a=2, b=3)
picture = all_get_tiny_image()
weather = all_get_structured_content(location='Chicago')
linked = all_get_resource_reference(resourceType='Text', resourceId=1)
long = all_trigger_long_running_operation(duration=1, steps=3)
kind = picture.files[0].media_type
answer(f'{said.text} | {total.text} | {kind} | {weather.conditions} | {len(linked.files)}')
"""
    told = run(plan, everything, tmp_path).answer.split(" | ")
    assert told[0] == "Echo: hello"
    assert "5" in told[1]
    assert told[2:] == ["image/png", told[3], "1"]


def test_a_hundred_calls_at_once_on_one_session(everything: McpServer, tmp_path: Path) -> None:
    plan = """
echoes = [all_echo(message=f'm{n}') for n in range(100)]
slow = [all_trigger_long_running_operation(duration=1, steps=1) for n in range(100)]
answer(f'{echoes[0].text} {echoes[99].text} {len(slow)}')
"""
    assert run(plan, everything, tmp_path).answer == "Echo: m0 Echo: m99 100"


def test_killed_in_a_call_it_comes_back(modules: Path, tmp_path: Path) -> None:
    command = line(program(modules, EVERYTHING))
    effects: Any = {"trigger-long-running-operation": "once"}
    with McpServer(command, name="all", effects=effects) as server:
        others = children()
        server.tools(tmp_path)
        [pid] = children() - others
        killer = threading.Timer(1.0, os.kill, (pid, signal.SIGKILL))
        killer.start()
        plan = "long = all_trigger_long_running_operation(duration=60, steps=60)\nanswer('over')"
        end = run(plan, server, tmp_path).outcomes["long"]
        assert (end.status, end.failure and end.failure.kind) == ("in_doubt", "ServerLost")
        again = run("said = all_echo(message='back')\nanswer(f'{said.text}')", server, tmp_path)
        assert again.answer == "Echo: back"
    assert children() == others


def children() -> set[int]:
    """The processes of servers that this one has started."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "server-everything"],
        capture_output=True, text=True,
    )  # fmt: skip
    return {int(pid) for pid in found.stdout.split()}


def test_filesystem(modules: Path, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("the fees")
    plan = f"""
text = fs_read_text_file(path={str(folder / "a.txt")!r})
done = fs_write_file(path={str(folder / "b.txt")!r}, content=text.content)
answer(f'{{text.content}}')
"""
    with McpServer(line([*program(modules, FILES), str(folder)]), name="fs") as server:
        assert run(plan, server, tmp_path / "store").answer == "the fees"
    assert (folder / "b.txt").read_text() == "the fees"


def test_git(programs: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for command in (
        ["init", "-q", "-b", "trunk"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
    ):
        who = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
        repository.mkdir(exist_ok=True)
        subprocess.run(["git", *who, *command], cwd=repository, check=True)
    plan = f"log = git_log(repo_path={str(repository)!r})\nanswer(f'{{log.text}}')"
    with McpServer(str(programs / "mcp-server-git"), name="git") as server:
        assert "first" in run(plan, server, tmp_path / "store").answer


def test_time(programs: Path, tmp_path: Path) -> None:
    command = line([str(programs / "mcp-server-time"), "--local-timezone", "Europe/Prague"])
    plan = "now = time_get_current_time(timezone='Asia/Tokyo')\nanswer(f'{now.timezone}')"
    with McpServer(command, name="time") as server:
        assert run(plan, server, tmp_path).answer == "Asia/Tokyo"


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html><body><article><h1>Fees</h1><p>Five euros.</p></article></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_fetch(programs: Path, tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        plan = f"""
page = fetch_fetch(url='http://127.0.0.1:{pages.server_port}/', raw=True)
answer(f'{{page.text}}')
"""
        command = line([str(programs / "mcp-server-fetch"), "--ignore-robots-txt", LOCAL])
        with McpServer(command, name="fetch") as server:
            answer = run(plan, server, tmp_path).answer
        pages.shutdown()
    assert "Five euros." in answer
