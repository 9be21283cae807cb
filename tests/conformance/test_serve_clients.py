"""Clients of others against `agentkit serve`: list models, chat, stream, use a tool.

The Vercel AI SDK (`ai` 7.0.173) has no call that lists the models of an OpenAI-compatible server:
`@ai-sdk/openai` 4.0.118 and `@ai-sdk/openai-compatible` 3.0.92 make models of names that are given,
and never ask for `/models`. The only listing in it, `gateway.getAvailableModels()` of
`@ai-sdk/gateway` 4.0.146, asks for `/config` in a protocol of Vercel's own gateway, which is not
OpenAI's. So the list is asked for there with `getFromApi` of `@ai-sdk/provider-utils`, by which
providers of the SDK make their requests, and what came is chatted with through `customProvider`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import openai
import pytest

from tests.conformance.outside import environment, node, node_modules
from tests.conformance.serve_process import TOKEN, served

HERE = Path(__file__).parent
NPM = (
    "openai@7.59.0", "ai@7.0.173", "@ai-sdk/openai@4.0.118", "@ai-sdk/openai-compatible@3.0.92",
    "@ai-sdk/provider-utils@5.0.81", "zod@4.6.7",
)  # fmt: skip
WEATHER = """
def get_weather(city: str) -> str:
    "The weather in a city."
    return f"sunny, says {city}"
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with served(tmp_path_factory.mktemp("store")) as url:
        yield url


@pytest.mark.parametrize("script", ["openai.mjs", "vercel.mjs"])
def test_javascript(script: str, url: str, tmp_path: Path) -> None:
    modules = node_modules(*NPM)
    shutil.copy(HERE / script, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules)
    env = {**os.environ, "BASE_URL": f"{url}/v1", "TOKEN": TOKEN}
    done = subprocess.run(
        [node(modules), script], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_openai_in_python(url: str) -> None:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=TOKEN) as client:
        assert [model.id for model in client.models.list()] == ["echo"]
        text = ""
        with client.chat.completions.stream(
            model="echo", messages=[{"role": "user", "content": "hello"}]
        ) as stream:
            for event in stream:
                text += event.delta if event.type == "content.delta" else ""
        assert text == "You said: hello"


def test_llm(url: str, tmp_path: Path) -> None:
    programs = environment("llm==0.36")
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: echo\n  model_name: echo\n  api_base: {url}/v1\n"
        "  api_key_name: agentkit\n  supports_tools: true\n"
    )
    (tmp_path / "weather.py").write_text(WEATHER)
    env = {**os.environ, "LLM_USER_PATH": str(tmp_path), "NO_COLOR": "1"}

    def llm(*arguments: str) -> str:
        command = [str(programs / "llm"), *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = llm("openai", "endpoint", f"{url}/v1", "--models", "--key", TOKEN)
    assert listed.split() == ["echo"]
    assert "echo" in llm("models")
    said = ("-m", "echo", "--key", TOKEN)
    assert llm(*said, "hello", "--no-stream").strip() == "You said: hello"
    assert llm(*said, "hello").strip() == "You said: hello"
    used = llm(*said, "--functions", "weather.py", "weather please")
    assert used.strip() == "It is sunny, says Prague in Prague."
