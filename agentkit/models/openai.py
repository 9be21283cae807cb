"""Any server that speaks OpenAI's chat completions: hosted ones, vLLM, llama.cpp, Ollama."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace

from agentkit.errors import ModelError, UsageError
from agentkit.messages import Delta, Done, Message, Profile, Request
from agentkit.models.chunks import Assembly
from agentkit.models.endpoint import Endpoint, JsonObject
from agentkit.models.http import connect, events, fetch
from agentkit.models.profile import adapt, calls_in_text, priced
from agentkit.types import Json

HOSTED = "https://api.openai.com/v1"

_REASONING = re.compile(r"(o\d|gpt-5)")


class OpenAIModel:
    """A model behind an OpenAI-compatible `/chat/completions`.

    What the endpoint can do is its `profile`; where none is given, a server other than OpenAI's
    own is asked once through `/models` which kind it is, at the first call.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str = HOSTED,
        profile: Profile | None = None,
        timeout_s: float = 120.0,
        attempts: int = 3,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`base_url` usually ends in `/v1`. `timeout_s` bounds the silence between two pieces.

        Raises `UsageError` where OpenAI's own server is meant and no key is given.
        """
        base_url = base_url.rstrip("/")
        self._hosted = base_url == HOSTED
        if self._hosted and not api_key:
            raise UsageError(
                f"openai:{model} needs a key for {HOSTED}: pass api_key (the command line reads "
                "OPENAI_API_KEY), or the base_url of a server of your own"
            )
        self._model = model
        self._profile = profile or Profile(vision=self._hosted)
        self._probed = profile is not None or self._hosted
        endpoint = Endpoint(
            name=self.name, base_url=base_url, timeout_s=timeout_s, attempts=attempts, sleep=sleep
        )
        self._endpoint = (
            endpoint.with_headers(authorization=f"Bearer {api_key}") if api_key else endpoint
        )

    @property
    def name(self) -> str:
        """`openai:` and the model's name."""
        return f"openai:{self._model}"

    @property
    def profile(self) -> Profile:
        """What was declared, or found out at the first call."""
        return self._profile

    def __repr__(self) -> str:
        return f"OpenAIModel({self._model!r}, base_url={self._endpoint.base_url!r})"

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """The reply as it is written. Raises `ModelError`."""
        await self.probe()
        stream = self._stream(adapt(request, self._profile, name=self.name))
        if request.tools and not self._profile.tools:
            stream = calls_in_text(stream)
        async with aclosing(stream):
            async for delta in stream:
                yield delta

    async def probe(self) -> Profile:
        """Asks the server once what it is, where no profile was declared; gives the profile."""
        if not self._probed:
            # A server without this path, or one that is down, is met again by the call itself.
            with suppress(ModelError):
                quick = replace(self._endpoint, timeout_s=5.0)
                async with connect(quick) as client:
                    listing = await fetch(client, quick, _path(quick, "/models"))
                self._profile = _profile(listing, self._model, self._profile)
            self._probed = True
        return self._profile

    async def _stream(self, request: Request) -> AsyncGenerator[Delta]:
        reply = Assembly(self.name)
        async with connect(self._endpoint) as client:
            path = _path(self._endpoint, "/chat/completions")
            chunks = events(client, self._endpoint, path, self._body(request))
            async with aclosing(chunks):
                async for chunk in chunks:
                    for delta in reply.take(chunk):
                        yield delta
        for delta in reply.end(request):
            if isinstance(delta, Done):
                delta = Done(delta.finish, priced(delta.usage, self._profile))
            yield delta

    def _body(self, request: Request) -> JsonObject:
        limit = "max_completion_tokens" if self._hosted else "max_tokens"
        body: JsonObject = {
            "model": self._model,
            "messages": [_message(message) for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: request.max_tokens,
        }
        if not (self._hosted and _REASONING.match(self._model)):  # those refuse to be told
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": dict(tool.parameters),
                    },
                }
                for tool in request.tools
            ]
        if request.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": dict(request.schema)},
            }
        if request.grammar is not None:
            body["grammar"] = request.grammar
        if request.stop:
            body["stop"] = list(request.stop)
        if request.seed is not None:
            body["seed"] = request.seed
        return body


def _path(endpoint: Endpoint, path: str) -> str:
    return endpoint.base_url.rstrip("/") + path


def _message(message: Message) -> Json:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.call_id, "content": message.content}
    turn: dict[str, Json] = {"role": message.role, "content": message.content}
    if message.images:
        parts: list[Json] = [{"type": "text", "text": message.content}]
        for media_type, data in message.images:
            url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        turn["content"] = parts
    if message.calls:
        turn["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    return turn


def _profile(listing: JsonObject, model: str, default: Profile) -> Profile:
    """What the list of models tells of the server's kind and of this model's context."""
    data = listing.get("data")
    models = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    mine = next((one for one in models if one.get("id") == model), models[0] if models else {})
    meta = mine.get("meta")
    told = mine.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    context = told if isinstance(told, int) and told > 0 else default.context_tokens
    llama = mine.get("owned_by") == "llamacpp"
    return replace(default, context_tokens=context, grammar=llama, prefill=llama)
