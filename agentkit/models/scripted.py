"""A model that says what a test told it to, for tests of everything around a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from decimal import Decimal
from typing import TypeAlias

from agentkit.errors import ModelError, UsageError
from agentkit.given import require_list
from agentkit.messages import Delta, Done, Finish, Profile, Request, Text, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class Scripted:
    """A reply in full: text, native tool calls, how it ends.

    `cut_after` ends the stream after so many pieces, as a dropped connection does: no `Done`
    comes. `error` is raised at that point (at the start where `cut_after` is None). `endless`
    repeats the text for as long as somebody listens.
    """

    text: str = ""
    _: KW_ONLY
    calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    cut_after: int | None = None
    error: Exception | None = None
    endless: bool = False

    def __post_init__(self) -> None:
        if self.endless and not self.text:
            raise UsageError("expected a text for an endless reply to repeat, got none")


Answer: TypeAlias = "str | Scripted | Exception"
"""A text, a reply in full, or an error to raise."""


@dataclass(kw_only=True)
class ScriptedModel:
    """Replies in the order of `replies`, or what `replies` (a function of the request) gives.

    The text comes in pieces of about a token each, `tokens_per_s` of them a second where given,
    waited for with `sleep`; no request's `max_tokens` stops it. `requests` holds what the model
    was asked, in order. Once the script has ended, a call raises `ModelError`.

    >>> import asyncio
    >>> from agentkit.messages import Message, Request
    >>> from agentkit.models import complete
    >>> model = ScriptedModel(replies=["Good morning."])
    >>> reply = asyncio.run(complete(model, Request(messages=(Message("user", "Hello"),))))
    >>> reply.text, model.requests[0].messages[0].content
    ('Good morning.', 'Hello')
    """

    replies: Iterable[Answer] | Callable[[Request], Answer] = ()
    name: str = "test:scripted"
    profile: Profile = field(
        default_factory=lambda: Profile(prices_usd_per_million={"input": Decimal(0)})
    )
    tokens_per_s: float | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    requests: list[Request] = field(default_factory=list[Request])

    def __post_init__(self) -> None:
        if not callable(self.replies):
            require_list(self.replies, "replies")
        self._script: Iterator[Answer] = iter(()) if callable(self.replies) else iter(self.replies)

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """The next reply of the script."""
        self.requests.append(request)
        reply = self._next(request)
        if reply.error is not None and reply.cut_after is None:
            raise reply.error
        pieces, sent = _pieces(reply.text), 0
        while reply.endless or sent < len(pieces):
            if sent == reply.cut_after:
                break
            if self.tokens_per_s is not None or reply.endless:
                # An endless reply must let others run, and its reader be cancelled.
                await self.sleep(1 / self.tokens_per_s if self.tokens_per_s else 0)
            yield Text(pieces[sent % len(pieces)])
            sent += 1
        if reply.error is not None:
            raise reply.error
        if reply.cut_after is not None:
            return
        for call in reply.calls:
            yield call
        finish: Finish = reply.finish or ("tool_calls" if reply.calls else "stop")
        yield Done(finish, _usage(request, sent))

    def _next(self, request: Request) -> Scripted:
        if callable(self.replies):
            answer = self.replies(request)
        else:
            try:
                answer = next(self._script)
            except StopIteration:
                raise ModelError(
                    f"the script of {self.name} has ended: call {len(self.requests)} "
                    f"(purpose {request.purpose!r}) has no reply; give it one more"
                ) from None
        if isinstance(answer, Exception):
            return Scripted(error=answer)
        return Scripted(text=answer) if isinstance(answer, str) else _in_full(answer)


def _in_full(answer: object) -> Scripted:
    if not isinstance(answer, Scripted):  # a function that forgot its `return` gives None
        raise UsageError(
            f"expected a reply as a text, Scripted(…) or an exception; found {answer!r}"
        )
    return answer


def _pieces(text: str) -> Sequence[str]:
    """The text in pieces as long as tokens usually are."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def _usage(request: Request, output_tokens: int) -> Usage:
    read = sum(len(message.content) for message in request.messages)
    return Usage(
        input_tokens=read // 4,
        output_tokens=output_tokens,
        calls=1,
        cost_usd=Decimal(0),
        estimated=True,
    )
