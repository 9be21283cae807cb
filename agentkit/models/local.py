"""The embedded model: Qwen2.5-Coder through llama.cpp, in this process, without a key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from agentkit.errors import ModelError, UsageError
from agentkit.messages import Delta, Done, Finish, Message, Profile, Request, Text, Usage
from agentkit.models.assemble import Progress, quiet
from agentkit.models.catalog import cache_folder, ensure, entry
from agentkit.models.endpoint import JsonObject
from agentkit.models.http import connect
from agentkit.models.llama import SLOTS, Llama, load
from agentkit.models.prefixes import LEAST_TOKENS, Prefixes
from agentkit.models.turns import Turns
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    import httpx2

DEFAULT = "qwen2.5-coder-1.5b"
SMALLER = "qwen2.5-coder-0.5b"

# One spelling of JSON: a small model that may choose can write newlines until its limit.
_COMPACT: Json = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
}


class LocalModel:
    """A catalogue model in this process; fetched and loaded at its first call, once.

    The state of a request's constant prefix is kept on disk and read back by the next process.
    Requests with purpose `plan` have a sequence of their own, all others share one; those for the
    same sequence wait for each other.
    """

    def __init__(
        self,
        name: str = DEFAULT,
        *,
        folder: Path | None = None,
        context_tokens: int = 8192,
        threads: int | None = None,
        progress: Progress = quiet,
        offline: bool | None = None,
    ) -> None:
        """`folder` holds the model files, `progress(done, total)` follows their download in bytes,
        `offline` fetches nothing (None: what `AGENTKIT_OFFLINE` says).

        Raises `UsageError` for a name the catalogue lacks.
        """
        self._entry = entry(name)
        if not self._entry.files[0].name.endswith(".gguf"):
            raise UsageError(
                f"expected a language model, {DEFAULT} or {SMALLER}, got {name!r}, which is for "
                f"{self._entry.good_for}"
            )
        self._folder = folder or cache_folder()
        self._context_tokens = context_tokens
        self._threads = threads or min(os.cpu_count() or 1, 2)
        self._ensure = partial(ensure, self._entry, progress=progress, offline=offline)
        self._guard = Lock()
        self._loading: Future[Llama] | None = None
        self._turns = tuple(Turns() for _ in range(SLOTS))
        self._warm: list[tuple[int, ...]] = [()] * SLOTS
        self._chatml: tuple[int, ...] = ()
        self._prefixes = Prefixes(
            self._folder / self._entry.name / "prefixes", self._entry.files[0].sha256
        )

    @property
    def name(self) -> str:
        """`local:` and the name in the catalogue."""
        return f"local:{self._entry.name}"

    @property
    def profile(self) -> Profile:
        """Guided by grammar; no native tool calls; costs nothing."""
        return Profile(
            tools=False,
            schema=True,
            grammar=True,
            vision=False,
            guided=True,
            context_tokens=self._context_tokens,
            prices_usd_per_million={"input": Decimal(0), "output": Decimal(0)},
        )

    def __repr__(self) -> str:
        return f"LocalModel({self._entry.name!r})"

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """The reply as it is written. Raises `ModelError`; `StoreError` where files lack room."""
        llama = await self._loaded()
        slot = 0 if request.purpose == "plan" else 1
        async with connect(llama.endpoint) as client:
            self._chatml = await self._control(llama, client)
            prefix, prompt = await self._prompt(llama, client, request)
            options = self._options(request, len(prompt))
            async with self._turns[slot].turn():
                if len(prefix) >= LEAST_TOKENS and self._warm[slot] != prefix:
                    self._warm[slot] = ()
                    await self._prefixes.warm(llama, client, slot, prefix)
                    self._warm[slot] = prefix
                async for piece in llama.generate(client, slot, prompt, **options):
                    if piece.get("content"):
                        yield Text(str(piece["content"]))
                    if piece.get("stop"):
                        yield _done(piece)
                        return
        raise ModelError(f"{self.name} broke off its reply; try again", retryable=True)

    async def log_probabilities(self, request: Request, text: str) -> list[float]:
        """Of each token of the text and of the reply's end after it, natural logarithms.

        The model reads the request once, then a token at a time. Raises `ModelError`.
        """
        llama = await self._loaded()
        slot = 1
        async with connect(llama.endpoint) as client:
            self._chatml = await self._control(llama, client)
            prompt = await llama.tokens(client, chatml(request.messages, *self._chatml))
            reply = (*await llama.tokens(client, [text]), self._chatml[1])
            self._options(request, len(prompt) + len(reply))  # there must be room for both
            async with self._turns[slot].turn():
                self._warm[slot] = ()
                return [
                    await llama.log_probability(client, slot, [*prompt, *reply[:at]], token)
                    for at, token in enumerate(reply)
                ]

    async def _control(self, llama: Llama, client: httpx2.AsyncClient) -> tuple[int, ...]:
        return self._chatml or await llama.control_tokens(client, "<|im_start|>", "<|im_end|>")

    async def _loaded(self) -> Llama:
        with self._guard:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                worker = ThreadPoolExecutor(1, thread_name_prefix="agentkit-model")
                self._loading = worker.submit(self._load)
                worker.shutdown(wait=False)
            loading = self._loading
        return await asyncio.wrap_future(loading)

    def _load(self) -> Llama:
        try:
            files = self._ensure(self._folder)
        except ModelError as error:
            raise self._with_hint(error) from error
        return load(
            self.name,
            files / self._entry.files[0].name,
            context_tokens=self._context_tokens,
            threads=self._threads,
            states=self._prefixes.folder,
        )

    def _with_hint(self, error: ModelError) -> ModelError:
        if self._entry.name == SMALLER:
            return error
        smaller = entry(SMALLER)
        return ModelError(
            f"{error}. A smaller one is local:{SMALLER} ({smaller.download_bytes / 1e6:.0f} MB)",
            retryable=error.retryable,
        )

    async def _prompt(
        self, llama: Llama, client: httpx2.AsyncClient, request: Request
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The tokens of the constant prefix, and those of the whole prompt."""
        start, end = self._chatml
        tokens = await llama.tokens(client, chatml(request.messages, start, end))
        ends = [at for at, token in enumerate(tokens) if token == end]
        constant = _constant(request)
        length = ends[constant - 1] + 2 if constant else 0  # the end mark and its newline
        return tokens[:length], tokens

    def _options(self, request: Request, prompt_tokens: int) -> JsonObject:
        room = self._context_tokens - prompt_tokens
        if room <= 0:
            raise ModelError(
                f"the prompt has {prompt_tokens:,} tokens, and {self.name} holds "
                f"{self._context_tokens:,} with its reply; shorten what goes in, or raise "
                "context_tokens (32,768 at most)"
            )
        options: JsonObject = {
            "n_predict": min(request.max_tokens, room),
            "temperature": request.temperature,
        }
        if request.stop:
            options["stop"] = list(request.stop)
        if request.seed is not None:
            options["seed"] = request.seed
        if request.grammar is not None:
            options["grammar"] = request.grammar
        if request.schema is not None:
            options["json_schema"] = {**_closed(request.schema), "x-guidance": _COMPACT}
        return options


def _constant(request: Request) -> int:
    """How many of the first messages are constant."""
    if request.constant is not None:
        return request.constant
    others = (at for at, one in enumerate(request.messages) if one.role != "system")
    return next(others, len(request.messages))


def chatml(messages: Sequence[Message], start: int, end: int) -> list[int | str]:
    """The ChatML form of a conversation: control tokens as numbers, all else as text.

    So no text, wherever it comes from, can end a turn or begin one.
    """
    pieces: list[int | str] = []
    for message in messages:
        role = "user" if message.role == "tool" else message.role
        pieces += [start, f"{role}\n{message.content}", end, "\n"]
    if messages and messages[-1].role == "assistant":
        return pieces[:-2]  # unfinished: the model goes on from it
    return [*pieces, start, "assistant\n"]


def _closed(schema: Schema) -> dict[str, Json]:
    """The schema without room for properties it does not name; a small model would fill it."""
    closed: dict[str, Json] = {}
    for key, value in schema.items():
        if isinstance(value, dict):
            names = key in ("properties", "$defs", "patternProperties")
            closed[key] = (
                {name: _closed_one(one) for name, one in value.items()}
                if names
                else _closed_one(value)
            )
        elif isinstance(value, list) and key in ("anyOf", "oneOf", "prefixItems"):
            closed[key] = [_closed_one(one) for one in value]
        else:
            closed[key] = value
    if "properties" in closed and not {"allOf", "anyOf", "oneOf", "$ref"} & closed.keys():
        closed.setdefault("additionalProperties", False)
    return closed


def _closed_one(schema: Json) -> Json:
    return _closed(schema) if isinstance(schema, dict) else schema


def _done(piece: JsonObject) -> Done:
    timings = cast("dict[str, int]", piece.get("timings") or {})
    finish: Finish = "length" if piece.get("stop_type") == "limit" else "stop"
    usage = Usage(
        input_tokens=int(cast("int", piece.get("tokens_evaluated") or 0)),
        output_tokens=int(cast("int", piece.get("tokens_predicted") or 0)),
        cached_tokens=int(timings.get("cache_n", 0)),
        calls=1,
        cost_usd=Decimal(0),
    )
    return Done(finish, usage)
