"""The events of a response as it comes, numbered, as OpenAI's clients read them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from itertools import count
from typing import Any, TypeAlias

from agentkit.serve import response_words as words
from agentkit.serve.server import Server
from agentkit.serve.stream import sent
from agentkit.serve.turn import Ended, Turn, end_of, texts

Finish: TypeAlias = Callable[[words.Response, Turn, Ended], words.Response]
Event: TypeAlias = dict[str, Any]


async def streamed(
    server: Server, turn: Turn, started: words.Response, finish: Finish
) -> AsyncGenerator[str, None]:
    """Its events, from `response.created` to `response.completed` or `response.failed`."""
    numbers = count()

    def numbered(event: Event) -> str:
        return sent({**event, "sequence_number": next(numbers)}, event=event["type"])

    async with aclosing(_events(server, turn, started, finish)) as events:
        async for event in events:
            yield numbered(event)


async def _events(
    server: Server, turn: Turn, started: words.Response, finish: Finish
) -> AsyncGenerator[Event, None]:
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "response": started.model_dump()}
    message, written = f"msg_{turn.run}_{turn.after}", False
    async with aclosing(texts(server, turn)) as pieces:
        async for piece in pieces:
            for event in () if written else _opened(message):
                yield event
            written = True
            yield _delta(message, piece)
    ended = await end_of(server, turn)
    assert ended is not None, "its text has ended"
    done = finish(started, turn, ended)
    if done.error is None:
        for index, item in enumerate(done.output):
            if isinstance(item, words.OutputCall):
                parts = _called(index, item)
            else:
                parts = _written(item, opened=written)
            for event in parts:
                yield event
    kind = "response.completed" if done.error is None else "response.failed"
    yield {"type": kind, "response": done.model_dump()}


def _opened(message: str) -> Iterator[Event]:
    item = words.OutputMessage(id=message, status="in_progress", content=[])
    yield {"type": "response.output_item.added", "output_index": 0, "item": item.model_dump()}
    yield _part("response.content_part.added", message, "")


def _delta(message: str, piece: str) -> Event:
    place = {"item_id": message, "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}


def _part(kind: str, message: str, text: str) -> Event:
    part = words.OutputText(text=text).model_dump()
    return {
        "type": kind, "item_id": message, "output_index": 0, "content_index": 0, "part": part
    }  # fmt: skip


def _written(item: words.OutputMessage, *, opened: bool) -> Iterator[Event]:
    text = item.content[0].text
    if not opened:
        yield from _opened(item.id)
        yield _delta(item.id, text)
    place = {"item_id": item.id, "output_index": 0, "content_index": 0}
    yield {"type": "response.output_text.done", **place, "text": text, "logprobs": []}
    yield _part("response.content_part.done", item.id, text)
    yield {"type": "response.output_item.done", "output_index": 0, "item": item.model_dump()}


def _called(index: int, item: words.OutputCall) -> Iterator[Event]:
    begun = item.model_copy(update={"arguments": "", "status": "in_progress"})
    place = {"item_id": item.id, "output_index": index}
    arguments = "response.function_call_arguments"
    yield {"type": "response.output_item.added", "output_index": index, "item": begun.model_dump()}
    yield {"type": f"{arguments}.delta", **place, "delta": item.arguments}
    yield {
        "type": f"{arguments}.done", **place, "name": item.name, "arguments": item.arguments
    }  # fmt: skip
    yield {"type": "response.output_item.done", "output_index": index, "item": item.model_dump()}
