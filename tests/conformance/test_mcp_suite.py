"""The MCP conformance suite, and MCP Inspector's CLI, against agentkit as server and as client."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
import uvicorn

from agentkit.serve.mcp import mcp_app

from .mcp_served import AGENT
from .outside import NPM, line, node_modules, program
from .scenarios import CLIENT, NOT_APPLYING, SERVER

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SUITE, INSPECTOR = "@modelcontextprotocol/conformance", "@modelcontextprotocol/inspector"


def called(command: list[str], folder: Path) -> str:
    """What a command says that must succeed."""
    env = {"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{line(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def modules() -> Path:
    return node_modules(*NPM)


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """agentkit's tools, served on a free port by a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(mcp_app(AGENT, each=True), log_config=None))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        server.should_exit = True
        thread.join()


def test_every_scenario_is_run_or_has_a_reason_not_to(modules: Path, tmp_path: Path) -> None:
    text = called([*program(modules, SUITE), "list"], tmp_path)
    known = re.findall(r"^  - (\S+) \[", text, re.MULTILINE)
    assert sorted(known) == sorted([*SERVER, *CLIENT, *NOT_APPLYING])


@pytest.mark.parametrize("scenario", SERVER)
def test_server(scenario: str, modules: Path, url: str, tmp_path: Path) -> None:
    called([*program(modules, SUITE), "server", "--url", url, "--scenario", scenario], tmp_path)


@pytest.mark.parametrize("scenario", CLIENT)
def test_client(scenario: str, modules: Path, tmp_path: Path) -> None:
    client = line([sys.executable, str(HERE / "mcp_client.py")])
    command = [*program(modules, SUITE), "client", "--command", client, "--scenario", scenario]
    called([*command, "--timeout", "120000"], tmp_path)


def test_the_inspector_lists_and_calls(modules: Path, tmp_path: Path) -> None:
    serve = tmp_path / "serve"
    served = f"{HERE / 'mcp_agent.py'}:agent"
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "agentkit", "mcp"]
    serve.write_text(f"#!/bin/sh\nexec {line([*command, '--agent', served])}\n")
    serve.chmod(0o755)
    inspect = [*program(modules, INSPECTOR), "--cli", str(serve), "--method"]
    listed = json.loads(called([*inspect, "tools/list"], tmp_path))
    assert [one["name"] for one in listed["tools"]] == ["adder"]
    call = ["tools/call", "--tool-name", "adder", "--tool-arg", "task=Add."]
    done = json.loads(called([*inspect, *call], tmp_path))
    assert done["structuredContent"]["answer"] == "3"
