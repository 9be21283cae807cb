"""Commands with a receiver in the environment: what it gets, over OTLP."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from agentkit.errors import MissingExtra
from agentkit.journal import MemoryJournal
from agentkit.telemetry import traced
from tests.cli.process import COMMAND, agentkit, environment
from tests.telemetry.agents import PRIVATE, SECRET, TREE
from tests.telemetry.receiver import Received, receiver

AGENTS = Path(__file__).parent / "agents.py"


def run(folder: Path, *more: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return agentkit(folder, "run", f"Read {PRIVATE}.", "--agent", f"{AGENTS}:agent", *more, env=env)


def above(received: Received) -> Counter[tuple[str, str]]:
    by_id = {span.id: span.name for span in received.spans}
    return Counter((by_id.get(span.parent, span.parent), span.name) for span in received.spans)


def test_a_command_sends_the_tree_of_its_run(tmp_path: Path) -> None:
    with receiver() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint}
        done = run(tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert above(received) == TREE
    by_id = {span.id: span for span in received.spans}
    for span in received.spans:
        parent = by_id.get(span.parent, span)
        assert parent.start <= span.start <= span.end <= parent.end
    assert received.service == "agentkit"
    (chat,) = received.named("chat small-2")
    assert (chat.kind, chat.about["gen_ai.provider.name"]) == (3, "acme")  # a client's
    assert chat.about["gen_ai.response.finish_reasons"] == ["stop"]
    (broken,) = received.named("execute_tool broken")
    assert broken.error and broken.about["error.type"] == "ToolError"
    (shaky,) = received.named("execute_tool shaky")
    assert [name for name, _ in shaky.events] == ["agentkit.retried"]
    for text in (PRIVATE, SECRET, "look after"):
        assert text.encode() not in received.raw
    nodes = {about["agentkit.outcome"]: 0.0 for about, _ in received.metrics["agentkit.nodes"]}
    for about, count in received.metrics["agentkit.nodes"]:
        nodes[about["agentkit.outcome"]] += count
    assert nodes == {"value": 9, "failed": 1}
    assert "gen_ai.client.operation.duration" in received.metrics


def test_content_is_sent_where_the_environment_says_so(tmp_path: Path) -> None:
    with receiver() as received:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint,
            "OTEL_SERVICE_NAME": "night shift",
            "AGENTKIT_TRACE_CONTENT": "1",
        }
        assert run(tmp_path, env=env).returncode == 0
    assert received.service == "night shift"
    assert PRIVATE.encode() in received.raw
    assert SECRET.encode() not in received.raw


@pytest.mark.parametrize("protocol", ["", "grpc"])
def test_a_command_sends_nothing_where_that_is_off_or_cannot_be(
    tmp_path: Path, protocol: str
) -> None:
    with receiver() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint}
        if protocol:
            done = run(tmp_path, env={**env, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
            assert done.returncode == 2
            assert "expected OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in done.stderr
        else:
            done = run(tmp_path, env={**env, "OTEL_SDK_DISABLED": "true"})
            assert done.returncode == 0, done.stderr
    assert not received.raw


def test_a_worker_tells_what_it_carries_on(tmp_path: Path) -> None:
    with receiver() as received:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint}
        given = agentkit(tmp_path, "submit", "Read.", "--agent", f"{AGENTS}:agent", env=env)
        assert given.returncode == 0 and not received.raw
        worker = subprocess.Popen(
            [*COMMAND, "worker"],
            cwd=tmp_path,
            env=environment(tmp_path, env),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert worker.stderr is not None
        said = ""
        while "answered" not in said:
            said = worker.stderr.readline()
            assert said, "the worker ended"
        worker.terminate()
        worker.communicate()
    assert len(received.named("invoke_agent reader")) == 1
    assert len(received.named("execute_tool length")) == 3


def test_what_goes_on_for_long_tells_too(tmp_path: Path) -> None:
    """A conversation, and a server, which runs what a client starts."""
    chosen = f"{AGENTS}:agent"
    with receiver() as received:
        env = environment(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint})
        talk = [*COMMAND, "chat", "--agent", chosen]
        done = subprocess.run(
            talk, input="Read.\n", cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert len(received.named("invoke_agent reader")) == 1
        serve = subprocess.Popen(
            [*COMMAND, "serve", chosen, "--port", "0"],
            cwd=tmp_path, env=env | {"AGENTKIT_TOKEN": "t" * 40}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert serve.stderr is not None
        url = serve.stderr.readline().rpartition(" at ")[2].strip()
        headers = {"Authorization": f"Bearer {'t' * 40}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
            begun = http.post("/runs", json={"agent": "agent", "task": "Read."}).json()
            assert "run.ended" in http.get(f"/runs/{begun['run']}/events").text
        serve.terminate()
        serve.communicate()
    assert len(received.named("invoke_agent agent")) == 1  # as the server names it


def test_an_extra_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra, match=r"agentkit\[otel\]"):
        traced(MemoryJournal())
