"""`agentkit serve` as a process: its token, and what its end leaves behind."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import httpx2
from click.testing import CliRunner

from agentkit.cli.app import app
from tests.cli.process import COMMAND, environment

AGENTS = """
import asyncio
from pathlib import Path

from agentkit import Agent, tool
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel

@tool(effect="read")
async def wait() -> str:
    "Waits, the first time."
    if not Path("waited").exists():
        Path("waited").touch()
        await asyncio.Event().wait()
    return "done"

slow = Agent(model=ScriptedModel(), tools=[wait], planner=Fixed("w = wait()\\nanswer(f'{w}')"))
"""


def test_a_run_goes_on_after_the_server_was_ended(tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(AGENTS)
    serve = subprocess.Popen(
        [*COMMAND, "serve", "agents.py", "--port", "0"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=environment(tmp_path),
    )  # fmt: skip
    assert serve.stderr is not None
    url = serve.stderr.readline().rpartition(" at ")[2].strip()
    token = serve.stderr.readline().removeprefix("token: ").strip()
    assert len(token) >= 40
    assert serve.stderr.readline() == f"the page: {url}/?token={token}\n"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
        run = http.post("/runs", json={"agent": "slow", "task": "wait"}).json()["run"]
        with http.stream("GET", f"/runs/{run}/events") as events:
            last = ""
            for line in events.iter_lines():
                if line == "event: node.started":
                    serve.send_signal(signal.SIGTERM)
                last = line or last
    assert '"run.ended"' in last
    assert '"cancelled"' in last
    _, said = serve.communicate()
    assert (serve.returncode, "can be resumed" in said, token in said) == (0, True, False)
    done = subprocess.run(
        [*COMMAND, "resume", run],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "done\n"


def test_what_others_reach_needs_a_token(tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(AGENTS)
    given = ["serve", str(tmp_path / "agents.py"), "--host", "0.0.0.0"]
    refused = CliRunner(env={"AGENTKIT_TOKEN": ""}).invoke(app, given)
    assert "0.0.0.0 is reached from elsewhere: give a token" in str(refused.exception)
