"""/v1/chat/completions: a conversation with an agent, as OpenAI's clients hold it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from starlette.types import ASGIApp

from agentkit import messages
from agentkit.serve import chat_words as words
from agentkit.serve.client_tools import ClientTool
from agentkit.serve.conversation import Called, Came, Item, Said, asked_by
from agentkit.serve.files import Sent, of_url
from agentkit.serve.operation import STREAM, Call, Given, Operation
from agentkit.serve.refused import told
from agentkit.serve.reply import Reply
from agentkit.serve.server import Server
from agentkit.serve.stream import sent
from agentkit.serve.turn import Ended, Turn, begin_turn, end_of, leave, texts, whole

_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg"}


async def chat(call: Call[words.ChatRequest]) -> ASGIApp:
    """The agent's reply, whole or as it comes."""
    server, given = call.server, call.body
    agent = server.agent(given.model)
    if given.stream:
        server.streams.require_room()
    asked = await asked_by([*_items(given.messages)], server.store.artifacts)
    turn = await begin_turn(server, agent, asked, _client_tools(given))
    created = int(server.clock())
    if given.stream:
        chunks = _chunks(server, turn, given, created)
        return server.streams.of(chunks, left=partial(leave, server, turn))
    ended = await whole(server, turn, call.request.receive)
    if ended.wrong is not None:
        raise ended.wrong
    reply = words.Reply(content=ended.text or None, tool_calls=_calls(ended) or None)
    done = words.Completion(
        id=_id(turn),
        created=created,
        model=given.model,
        choices=[words.Choice(message=reply, finish_reason=_finish(ended))],
        usage=_usage(ended.usage),
    )
    return Reply(done.model_dump())


def _items(given: Sequence[words.Message]) -> Iterator[Item]:
    for message in given:
        match message:
            case words.System():
                yield Said("system", _text(message.content))
            case words.User(content=content):
                yield Said("user", _text(content), tuple(_files(content)))
            case words.Assistant():
                if message.content:
                    yield Said("assistant", _text(message.content))
                for call in message.tool_calls or ():
                    yield Called(call.id, call.function.name, call.function.arguments)
            case words.ToolResult():
                yield Came(message.tool_call_id, _text(message.content))


def _text(content: str | Sequence[words.Part]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, words.Text))


def _files(content: str | Sequence[words.Part]) -> Iterator[Sent]:
    for part in () if isinstance(content, str) else content:
        match part:
            case words.Image():
                yield of_url(part.image_url.url)
            case words.Audio(input_audio=audio):
                yield Sent(_AUDIO[audio.format], audio.data)
            case words.File(file=file):
                yield of_url(file.file_data, file.filename)
            case words.Text():
                pass


def _client_tools(given: words.ChatRequest) -> list[ClientTool]:
    if given.tool_choice == "none":
        return []
    return [
        ClientTool(
            name=tool.function.name,
            description=tool.function.description or "",
            parameters=tool.function.parameters,
        )
        for tool in given.tools or ()
    ]


async def _chunks(
    server: Server, turn: Turn, given: words.ChatRequest, created: int
) -> AsyncGenerator[str, None]:
    head = {"id": _id(turn), "object": "chat.completion.chunk", "created": created}
    options = given.stream_options

    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sent({**head, "model": given.model, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    said = False
    async with aclosing(texts(server, turn)) as pieces:
        async for piece in pieces:
            said = True
            yield chunk({"content": piece})
    ended = await end_of(server, turn)
    assert ended is not None, "its text has ended"
    if ended.wrong is not None:
        yield sent(told(ended.wrong))
        return
    if ended.text and not said:
        yield chunk({"content": ended.text})
    for index, call in enumerate(_calls(ended)):
        yield chunk({"tool_calls": [{"index": index, **call.model_dump()}]})
    yield chunk({}, _finish(ended))
    if options is not None and options.include_usage:
        usage = _usage(ended.usage).model_dump()
        yield sent({**head, "model": given.model, "choices": [], "usage": usage})
    yield sent("[DONE]")


def _calls(ended: Ended) -> list[words.ToolCall]:
    return [
        words.ToolCall(
            id=call.id, function=words.Function(name=call.name, arguments=call.arguments)
        )
        for call in ended.calls
    ]


def _id(turn: Turn) -> str:
    return f"chatcmpl-{turn.run}"


def _finish(ended: Ended) -> words.Finish:
    return "tool_calls" if ended.calls else "stop"


def _usage(usage: messages.Usage) -> words.Usage:
    return words.Usage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/chat/completions",
        name="chat",
        does="Go on with a conversation; one that leaves a stream cancels its run.",
        call=chat,
        body=words.ChatRequest,
        gives={
            200: Given(
                what="The reply, or with `stream` its chunks.",
                media={"application/json": words.Completion, "text/event-stream": STREAM},
            )
        },
        refuses=(402, 404, 409, 422, 429, 503),
    ),
)
