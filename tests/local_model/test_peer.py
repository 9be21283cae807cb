"""The two HTTP clients against a server that others wrote: llama.cpp's, which speaks both APIs."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from typing import Any

import pytest

from agentkit.errors import ModelError
from agentkit.messages import Message, Request, ToolSpec
from agentkit.models import complete, model
from agentkit.models.catalog import cache_folder, entry, present
from agentkit.types import Schema

pytestmark = pytest.mark.anyio

NAME = "qwen2.5-coder-0.5b"
KEY = "the-key-of-the-server"
CITY: Schema = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """llama.cpp's server with the 0.5B of the catalogue, where its file is on this machine."""
    if not present(entry(NAME), cache_folder()):
        pytest.skip(f"{NAME} is not on this machine: agentkit models pull {NAME}")
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(cache_folder() / NAME / "model.gguf")
    params.n_ctx, params.n_parallel, params.verbosity = 1024, 1, -1
    params.warmup = params.ui = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.api_keys = [KEY]
    server = xllamacpp.Server(params)
    yield server.listening_address


def ask(text: str, *more: Message, max_tokens: int = 30, **options: Any) -> Request:
    return Request(messages=(Message("user", text), *more), max_tokens=max_tokens, **options)


async def test_openai_text_and_usage(url: str) -> None:
    qwen = model("openai:qwen", base_url=f"{url}/v1", api_key=KEY)
    reply = await complete(qwen, ask("What is the capital of France?"))
    assert "Paris" in reply.text and reply.finish == "stop"
    assert reply.usage.input_tokens > 10 and 0 < reply.usage.output_tokens < 30
    assert not reply.usage.estimated
    assert qwen.profile.grammar and qwen.profile.prefill and qwen.profile.context_tokens == 1024


async def test_openai_schema_grammar_and_beginning(url: str) -> None:
    qwen = model("openai:qwen", base_url=f"{url}/v1", api_key=KEY)
    reply = await complete(qwen, ask("The capital of France, as JSON.", schema=CITY))
    assert reply.data == {"city": "Paris"}
    begun = Message("assistant", "The capital is")
    grammar = 'root ::= " P" [a-z]+ "!"'
    reply = await complete(qwen, ask("What is the capital of France?", begun, grammar=grammar))
    assert reply.text == " Paris!"


async def test_openai_refusals(url: str) -> None:
    qwen = model("openai:qwen", base_url=f"{url}/v1", api_key=KEY)
    with pytest.raises(ModelError, match="refused the request .400: .*context size"):
        await complete(qwen, ask("word " * 2000))
    stranger = model("openai:qwen", base_url=f"{url}/v1", api_key="some-other-key")
    with pytest.raises(ModelError, match="refused the key .401"):
        await complete(stranger, ask("Hi."))


async def test_anthropic_text_and_refusal(url: str) -> None:
    qwen = model("anthropic:qwen", base_url=url, api_key=KEY)
    reply = await complete(qwen, ask("What is the capital of France?"))
    assert "Paris" in reply.text and reply.finish == "stop"
    assert reply.usage.input_tokens > 10 and reply.usage.output_tokens > 0
    with pytest.raises(ModelError, match="refused the key .401"):
        await complete(model("anthropic:qwen", base_url=url, api_key="other-key"), ask("Hi."))


async def test_tools_are_understood_by_both(url: str) -> None:
    tool = ToolSpec("weather", "The weather of a city.", CITY)
    for name, base in ("openai:qwen", f"{url}/v1"), ("anthropic:qwen", url):
        reply = await complete(
            model(name, base_url=base, api_key=KEY),
            ask("What is the weather in Paris? Use the tool.", tools=(tool,), max_tokens=40),
        )
        assert "Paris" in reply.text or "Paris" in reply.calls[0].arguments
