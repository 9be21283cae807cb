"""What an endpoint cannot do, asked for in words instead; and what a call costs there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

from agentkit.budget import Cost
from agentkit.errors import ModelError
from agentkit.messages import Delta, Done, Message, Profile, Request, Text, ToolCall, Usage
from agentkit.types import Json

_SCHEMA = (
    "Answer with one JSON value of this JSON Schema and nothing else, no explanation and no "
    "Markdown:\n{schema}"
)
_GRAMMAR = (
    "Answer with a text of the language that this GBNF grammar describes and nothing else:\n"
    "{grammar}"
)
_TOOLS = (
    "You can call these tools:\n{tools}\n\nTo call some, answer with JSON of this form and nothing "
    'else: {{"calls": [{{"name": "…", "arguments": {{…}}}}]}}\nTheir results come in the next '
    "message. To call none, answer in plain text."
)
_PREFILL = (
    "The beginning of your reply is given below. Write only what follows it; do not repeat it:\n"
    "{prefill}"
)

MARKUP_TOKENS = 16
"""What a chat template may add to a message."""
WISH_TOKENS = 400
"""What it takes to ask in words for what an endpoint cannot do."""


def adapt(request: Request, profile: Profile, *, name: str) -> Request:
    """The request in terms that the endpoint understands.

    Raises `ModelError` where words do not help: pictures for a model that cannot see.
    """
    if not profile.vision and any(message.images for message in request.messages):
        raise ModelError(
            f"{name} cannot see pictures; read them with a tool first, or use a model whose "
            "profile has vision"
        )
    messages, asked = request.messages, list[str]()
    if not profile.tools:
        messages = tuple(_in_words(message) for message in messages)
        if request.tools:
            tools = "\n".join(_described(request))
            asked.append(_TOOLS.format(tools=tools))
            request = replace(request, tools=())
    if request.schema is not None and not profile.schema:
        asked.append(_SCHEMA.format(schema=json.dumps(request.schema)))
        request = replace(request, schema=None)
    if request.grammar is not None and not profile.grammar:
        asked.append(_GRAMMAR.format(grammar=request.grammar))
        request = replace(request, grammar=None)
    if messages and messages[-1] == Message("assistant", ""):
        messages = messages[:-1]  # nothing to go on from; a server may take it for a whole turn
    if messages and messages[-1].role == "assistant" and not profile.prefill:
        asked.append(_PREFILL.format(prefill=messages[-1].content))
        messages = messages[:-1]
    return replace(request, messages=_asking(messages, asked))


async def calls_in_text(stream: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
    """The stream of a model that was told about tools in words: calls in its text become calls.

    A reply that begins like JSON is held back until it is whole; any other text passes at once.
    """
    held = ""
    passing = False
    async with aclosing(stream):
        async for delta in stream:
            if isinstance(delta, Text) and not passing:
                held += delta.text
                begun = held.lstrip()
                if begun and not (begun.startswith("{") or "```json".startswith(begun[:7])):
                    passing = True
                    yield Text(held)
            elif isinstance(delta, Done) and not passing and held:
                calls = _calls(held)
                for call in calls:
                    yield call
                if not calls:
                    yield Text(held)
                yield replace(delta, finish="tool_calls") if calls else delta
            else:
                yield delta


def priced(usage: Usage, profile: Profile) -> Usage:
    """The usage with its cost, where the profile has the prices of input and output.

    Cached tokens cost `cached`, or as much as others where that price is not given.
    """
    prices = profile.prices_usd_per_million
    if "input" not in prices or "output" not in prices:
        return usage
    cached = prices.get("cached", prices["input"]) * usage.cached_tokens
    read = prices["input"] * (usage.input_tokens - usage.cached_tokens)
    written = prices["output"] * usage.output_tokens
    return replace(usage, cost_usd=(cached + read + written) / Decimal(1_000_000))


def most_of(request: Request, profile: Profile) -> Cost:
    """What a call of the model may cost at most: no token is shorter than a byte of the prompt, and
    no prompt with its reply is longer than the context. Money where the prices are known.

    >>> most_of(Request(messages=(Message("user", "Hi"),), max_tokens=10), Profile())
    Cost(tokens=28, usd=None, seconds=None, calls=None)
    """
    shown = [message.content for message in request.messages]
    shown += [call.arguments + call.name for each in request.messages for call in each.calls]
    shown += [*_described(request), request.grammar or ""]
    shown += [] if request.schema is None else [json.dumps(request.schema)]
    read = sum(len(text.encode(errors="replace")) for text in shown)
    read += MARKUP_TOKENS * len(request.messages)
    if request.tools or request.schema is not None or request.grammar:
        read += WISH_TOKENS
    if any(message.images for message in request.messages):
        read = profile.context_tokens
    tokens = min(read + request.max_tokens, profile.context_tokens)
    written = min(request.max_tokens, tokens)
    dearest = priced(Usage(tokens - written, written, calls=1), profile).cost_usd
    return Cost(tokens=tokens, usd=dearest)


def usage_of(request: Request, profile: Profile, text: str, done: Done | None) -> Usage:
    """What a call has used: what its end says; where nobody waited for that, an estimate from the
    text that came. No usage at all (`calls` is 0) where nothing came: then nobody knows."""
    if done is not None or not text:
        return Usage() if done is None else done.usage
    read = sum(len(message.content) for message in request.messages)
    return priced(Usage(read // 4, -(-len(text) // 4), calls=1, estimated=True), profile)


def usd_per_token(profile: Profile) -> Decimal | None:
    """The price of the dearest token, None where prices are unknown."""
    prices = profile.prices_usd_per_million
    if "input" not in prices or "output" not in prices:
        return None
    return max(prices.values()) / Decimal(1_000_000)


def _described(request: Request) -> list[str]:
    return [
        json.dumps({"name": t.name, "description": t.description, "parameters": dict(t.parameters)})
        for t in request.tools
    ]


def _in_words(message: Message) -> Message:
    """A turn of native tool calling, as a turn of plain conversation."""
    if message.role == "tool":
        return Message("user", f"Result of call {message.call_id}:\n{message.content}")
    if not message.calls:
        return message
    calls: list[Json] = [
        {"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.calls
    ]
    said = json.dumps({"calls": calls})
    return replace(message, content=f"{message.content}\n{said}".strip(), calls=())


def _asking(messages: Sequence[Message], asked: Sequence[str]) -> tuple[Message, ...]:
    """The conversation with these wishes at the end of the last thing the user says."""
    if not asked:
        return tuple(messages)
    wish = "\n\n".join(asked)
    users = [at for at, message in enumerate(messages) if message.role == "user"]
    if not users:
        return (*messages, Message("user", wish))
    at = users[-1]
    said = replace(messages[at], content=f"{messages[at].content}\n\n{wish}")
    return (*messages[:at], said, *messages[at + 1 :])


def _calls(text: str) -> list[ToolCall]:
    bare = text.strip().removeprefix("```json").removesuffix("```")
    try:
        data = json.loads(bare)
        return [
            ToolCall(f"call_{n}", str(call["name"]), json.dumps(call["arguments"]))
            for n, call in enumerate(data["calls"], start=1)
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
