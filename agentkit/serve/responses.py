"""/v1/responses: a turn with an agent, as OpenAI's newer clients take it.

A response is a turn of a run, and its id names both: so what came before a response is in the
journal, and no second place keeps conversations.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial

from starlette.types import ASGIApp

from agentkit import messages
from agentkit.fold import fold
from agentkit.messages import Message
from agentkit.recalled import recalled_from_json
from agentkit.serve import response_words as words
from agentkit.serve.client_tools import ClientTool, lacking
from agentkit.serve.conversation import Asked, Called, Came, Item, Said, asked_by
from agentkit.serve.files import Sent, of_url
from agentkit.serve.operation import STREAM, Call, Given, Operation, json_of
from agentkit.serve.refused import Refused
from agentkit.serve.reply import Reply
from agentkit.serve.response_stream import streamed
from agentkit.serve.server import Server
from agentkit.serve.turn import Ended, Turn, begin_turn, end_of, leave, whole


async def respond(call: Call[words.ResponseRequest]) -> ASGIApp:
    """The agent's response, whole or as it comes."""
    server, given = call.server, call.body
    agent = server.agent(given.model)
    if given.stream:
        server.streams.require_room()
    turn = await begin_turn(server, agent, await _asked(server, given), _client_tools(given))
    started = words.Response(
        id=id_of(turn),
        created_at=int(server.clock()),
        status="in_progress",
        model=given.model,
        instructions=given.instructions,
        previous_response_id=given.previous_response_id,
        tools=given.tools or [],
        tool_choice=given.tool_choice or "auto",
    )
    if given.stream:
        events = streamed(server, turn, started, finished)
        return server.streams.of(events, left=partial(leave, server, turn))
    ended = await whole(server, turn, call.request.receive)
    if ended.wrong is not None:
        raise ended.wrong
    return Reply(finished(started, turn, ended).model_dump())


async def response(call: Call) -> ASGIApp:
    """A response of before, as it stands. Raises `Refused` where there is none."""
    server, turn = call.server, _turn_of(call.path["response"])
    events = await server.store.journal.events(turn.run)
    if not events:
        raise _unknown(call.path["response"])
    agent = str(events[0].data.get("agent"))
    clients = lacking(events[0], server.agents.get(agent))
    turn = Turn(run=turn.run, after=turn.after, names={name: name for name in clients})
    started = words.Response(
        id=id_of(turn), created_at=int(events[0].time), status="in_progress", model=agent
    )
    ended = await end_of(server, turn)
    done = started if ended is None else finished(started, turn, ended)
    return Reply(done.model_dump())


def id_of(turn: Turn) -> str:
    """The id of the response that a turn is."""
    return f"resp_{turn.run}_{turn.after}"


def _turn_of(id: str) -> Turn:
    """The turn that an id, of a response or of its message, names. Raises `Refused`."""
    run, _, after = id.partition("_")[2].rpartition("_")
    if not (run and after.isascii() and after.isdigit() and len(after) < 16):
        raise _unknown(id)
    return Turn(run=run, after=int(after))


def _unknown(id: str) -> Refused:
    return Refused(404, f"there is no response {id!r}", code="response_not_found")


def finished(started: words.Response, turn: Turn, ended: Ended) -> words.Response:
    """The response of a turn that has ended."""
    if ended.wrong is not None:
        code = ended.wrong.code or "server_error"
        wrong = words.Wrong(code=code, message=str(ended.wrong))
        return started.model_copy(update={"status": "failed", "error": wrong})
    output: list[words.Output] = [*_calls(ended)]
    if not output:
        content = [words.OutputText(text=ended.text)]
        output = [words.OutputMessage(id=f"msg_{turn.run}_{turn.after}", content=content)]
    usage = _usage(ended.usage)
    return started.model_copy(update={"status": "completed", "output": output, "usage": usage})


def _calls(ended: Ended) -> Iterator[words.OutputCall]:
    for call in ended.calls:
        yield words.OutputCall(
            id=f"fc_{call.id}", call_id=call.id, name=call.name, arguments=call.arguments
        )


async def _asked(server: Server, given: words.ResponseRequest) -> Asked:
    before: list[Message] = []
    task = ""
    if given.previous_response_id:
        before, task = await _before(server, given.previous_response_id)
    items = [Said("system", given.instructions)] if given.instructions else []
    if isinstance(given.input, str):
        told: list[Item] = [*items, Said("user", given.input)]
    else:
        told = [*items, *[item async for item in _items(server, given.input)]]
    return await asked_by(told, server.store.artifacts, before=before, task=task)


async def _before(server: Server, id: str) -> tuple[list[Message], str]:
    """What was said up to the end of that response, and what its task was."""
    turn = _turn_of(id)
    events = await server.store.journal.events(turn.run)
    if not events:
        raise _unknown(id)
    recalled = [event.data for event in events if event.type == "memory.recalled"]
    said = [*recalled_from_json(recalled[-1]).history] if recalled else []
    task, ended = fold(events).task, await end_of(server, turn)
    said.append(Message("user", task))
    if ended is not None and ended.text:
        said.append(Message("assistant", ended.text))
    return said, task


async def _items(server: Server, given: Sequence[words.InputItem]) -> AsyncGenerator[Item, None]:
    for item in given:
        match item:
            case words.Message(role=role, content=content):
                who = "system" if role == "developer" else role
                yield Said(who, _text(content), tuple(_files(content)))
            case words.FunctionCall():
                yield Called(item.call_id, item.name, item.arguments)
            case words.FunctionOutput():
                yield Came(item.call_id, _text(item.output))
            case words.Reference(id=id) if id.startswith("msg_"):
                if (ended := await end_of(server, _turn_of(id))) is not None:
                    yield Said("assistant", ended.text)
            case words.Reference() | words.Reasoning():
                pass  # a call that is referred to is in the run that waits for it


def _text(content: str | Sequence[words.Part]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, words.Text))


def _files(content: str | Sequence[words.Part]) -> Iterator[Sent]:
    for part in () if isinstance(content, str) else content:
        match part:
            case words.Image():
                yield of_url(part.image_url)
            case words.File():
                yield of_url(part.file_data, part.filename)
            case words.Text():
                pass


def _client_tools(given: words.ResponseRequest) -> list[ClientTool]:
    if given.tool_choice == "none":
        return []
    return [
        ClientTool(name=one.name, description=one.description or "", parameters=one.parameters)
        for one in given.tools or ()
    ]


def _usage(usage: messages.Usage) -> words.Usage:
    return words.Usage(
        input_tokens=usage.input_tokens,
        input_tokens_details=words.CachedTokens(cached_tokens=usage.cached_tokens),
        output_tokens=usage.output_tokens,
        output_tokens_details=words.ReasoningTokens(),
        total_tokens=usage.input_tokens + usage.output_tokens,
    )


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/responses",
        name="respond",
        does="Ask an agent, or go on with what it said; one that leaves a stream cancels its run.",
        call=respond,
        body=words.ResponseRequest,
        gives={
            200: Given(
                what="The response, or with `stream` its events.",
                media={"application/json": words.Response, "text/event-stream": STREAM},
            )
        },
        refuses=(402, 404, 409, 422, 429, 503),
        leads={"response": "id"},
    ),
    Operation(
        method="GET",
        path="/v1/responses/{response}",
        name="response",
        does="A response of before, as it stands.",
        call=response,
        gives={200: json_of(words.Response)},
        refuses=(404,),
    ),
)
