"""Bring your own model: an agent on any server that speaks OpenAI's chat API.

The server here is llama.cpp's own, started on this machine with the smaller Qwen2.5-Coder; vLLM,
Ollama, LM Studio or a hosted service differ in the base URL, the key and the model's name only.

    python examples/bring_your_model.py
"""

from __future__ import annotations

import importlib
import os
import secrets
from pathlib import Path
from typing import Any

from agentkit import Agent
from agentkit.messages import Profile
from agentkit.models import model
from agentkit.models.catalog import ensure


def serve(weights: Path, key: str) -> Any:
    """llama.cpp's HTTP server with these weights; it stops when nothing refers to it any more."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # its threads would spin while they wait
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel = 4096, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = min(os.cpu_count() or 1, 2)
    params.api_keys = [key]
    params.ui = params.warmup = False
    params.verbosity = -1
    return xllamacpp.Server(params)


def value_added_tax(net: float, rate: float) -> str:
    """The value added tax on a net amount in euro, at a rate in percent."""
    return f"{net:.2f} euro at {rate:g} percent: {net * rate / 100:.2f} euro of value added tax"


def main() -> None:
    """Ask one question of an agent whose model is behind HTTP."""
    key = secrets.token_urlsafe()
    server = serve(ensure("qwen2.5-coder-0.5b") / "model.gguf", key)
    # What the server can do is found out at the first call. That a model is so small that its
    # plans are best written under a grammar is for you to say.
    small = Profile(tools=False, grammar=True, prefill=True, guided=True, context_tokens=4096)
    qwen = model(
        "openai:qwen", base_url=f"{server.listening_address}/v1", api_key=key, profile=small
    )
    agent = Agent(model=qwen, tools=[value_added_tax], store="memory")
    run = agent.run_sync("What is the value added tax on 1250 euro at 19 percent?")
    print(run.answer)
    print(f"{run.usage.calls} calls over HTTP, {run.usage.output_tokens} tokens written")


if __name__ == "__main__":
    main()
