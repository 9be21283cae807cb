"""llama.cpp inside this process: a GGUF file loaded, and what its server can do with it.

The runtime speaks HTTP only, so it listens on a loopback port of the system's choice, behind a
random key that never leaves this process.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import MissingExtra, ModelError
from agentkit.models.endpoint import Endpoint, JsonObject
from agentkit.models.http import events, fetch
from agentkit.types import Json

if TYPE_CHECKING:
    import httpx2

_CHOSEN = 10_000.0
"""Added to a token's number so that no other is chosen."""

SLOTS = 2
"""Sequences the model holds at once: one for plans, one for all the rest."""


@dataclass(frozen=True, slots=True)
class Llama:
    """A loaded model. It is unloaded when nothing refers to it any more."""

    endpoint: Endpoint
    version: str
    server: Any = field(repr=False)

    async def tokens(
        self, client: httpx2.AsyncClient, pieces: Sequence[int | str]
    ) -> tuple[int, ...]:
        """The tokens of texts and (as they are) tokens. Text never becomes a control token."""
        body: JsonObject = {
            "content": list[Json](pieces),
            "parse_special": False,
            "add_special": False,
        }
        reply = await fetch(client, self.endpoint, "/tokenize", body)
        return tuple(cast("list[int]", reply["tokens"]))

    async def control_tokens(self, client: httpx2.AsyncClient, *names: str) -> tuple[int, ...]:
        """The control tokens of these names; `ModelError` where the model lacks one."""
        body: JsonObject = {"content": "".join(names), "parse_special": True, "add_special": False}
        reply = await fetch(client, self.endpoint, "/tokenize", body)
        found = tuple(cast("list[int]", reply["tokens"]))
        if len(found) != len(names):
            raise ModelError(
                f"{self.endpoint.name} has no control tokens {', '.join(names)}: its file is not "
                "of the ChatML family; use one of agentkit.models.catalog"
            )
        return found

    def generate(
        self, client: httpx2.AsyncClient, slot: int, prompt: Sequence[int], **options: Json
    ) -> AsyncGenerator[JsonObject]:
        """The pieces of a completion in that slot; what the slot holds of the prompt is reused."""
        body: JsonObject = {
            "prompt": list[Json](prompt),
            "id_slot": slot,
            "cache_prompt": True,
            "stream": True,
            **options,
        }
        return events(client, self.endpoint, "/completion", body)

    async def evaluate(self, client: httpx2.AsyncClient, slot: int, prompt: Sequence[int]) -> None:
        """Reads the prompt into the slot and writes nothing."""
        async for _ in self.generate(client, slot, prompt, n_predict=0):
            pass

    async def log_probability(
        self, client: httpx2.AsyncClient, slot: int, prompt: Sequence[int], token: int
    ) -> float:
        """Of that token after the prompt. The server tells it of the token that it chose, from the
        model's own numbers; so that token is made to be chosen."""
        body: JsonObject = {
            "prompt": list[Json](prompt),
            "id_slot": slot,
            "cache_prompt": True,
            "n_predict": 1,
            "n_probs": 1,
            "temperature": 0.0,
            "logit_bias": [[token, _CHOSEN]],
        }
        reply = await fetch(client, self.endpoint, "/completion", body)
        told = cast("list[JsonObject]", reply.get("completion_probabilities") or [])
        if not told or told[0].get("id") != token:
            raise ModelError(f"{self.endpoint.name} does not tell how likely its tokens are")
        return float(cast("float", told[0]["logprob"]))

    async def save(self, client: httpx2.AsyncClient, slot: int, name: str) -> None:
        """Writes the state of the slot to a file of that name in the folder of states."""
        path = f"/slots/{slot}?action=save"
        await fetch(client, self.endpoint, path, {"filename": name})

    async def restore(self, client: httpx2.AsyncClient, slot: int, name: str) -> None:
        """Reads it back. `ModelError` where the file is damaged or of another model."""
        path = f"/slots/{slot}?action=restore"
        await fetch(client, self.endpoint, path, {"filename": name})


def load(name: str, path: Path, *, context_tokens: int, threads: int, states: Path) -> Llama:
    """The GGUF file, loaded. Blocking, seconds; the interpreter stands still meanwhile.

    `context_tokens` is what one sequence may hold, prompt and reply together.
    """
    # llama.cpp's OpenMP threads spin while they wait for each other, which starves everything
    # else on a small machine; where they sleep at once, a token takes half as long again. So they
    # spin for some microseconds only. The runtime reads this once, when the library is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    try:
        # Compiled, without stubs: its types are unknown either way.
        xllamacpp: Any = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise MissingExtra(f"the embedded model {name}", "xllamacpp", "local") from error

    key = secrets.token_urlsafe(32)
    with contextlib.suppress(OSError):  # where nothing can be written, no state is kept
        states.mkdir(parents=True, exist_ok=True, mode=0o700)
    params = _parameters(xllamacpp, path, context_tokens, threads)
    params.slot_save_path = f"{states}{os.sep}"
    params.api_keys = [key]
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(
            f"{name} cannot be loaded from {path} ({error}); is there memory enough? "
            "local:qwen2.5-coder-0.5b needs 0.8 GB"
        ) from error
    endpoint = Endpoint(name=name, base_url=server.listening_address, attempts=1)
    return Llama(
        endpoint.with_headers(authorization=f"Bearer {key}"),
        str(xllamacpp.__version__),
        server,
    )


def _parameters(xllamacpp: Any, path: Path, context_tokens: int, threads: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context_tokens * SLOTS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    # A cancelled call is noticed, and the other slot gets on, between two batches. On a processor
    # a small batch reads a prompt as fast as a large one.
    params.n_batch = 64
    params.n_ubatch = 64
    # Weights laid out anew in memory take 600 MB more than the file's own layout, which is mapped,
    # and read no prompt sooner: by processor time an eighth to a fifth slower, with AVX2 (the
    # wheel's).
    params.no_extra_bufts = True
    params.cache_ram_mib = 0  # prefixes are kept on disk instead
    params.ui = False
    params.warmup = False
    params.verbosity = -1
    return params
