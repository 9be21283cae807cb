"""Every way a model server fails is one clear `ModelError`, and no connection is left open."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import pytest

from agentkit.errors import ModelError
from agentkit.models import complete
from agentkit.models.openai import OpenAIModel
from tests.models.server import Server, response, stream
from tests.models.test_openai import ASK, KEY, Sleeps, chunk, client, deltas

pytestmark = pytest.mark.anyio

WHOLE = stream([chunk("stop", content="ok")])


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_server_is_asked_again_after_the_time_it_names(
    server: Server, status: int
) -> None:
    busy = response(
        '{"error": {"message": "slow down"}}', status=status, headers="retry-after: 7\r\n"
    )
    server.answers = [busy, busy, WHOLE]
    sleeps = Sleeps()
    assert (await complete(client(server, sleep=sleeps), ASK)).text == "ok"
    assert sleeps == [7.0, 7.0]


async def test_without_a_time_the_waits_grow(server: Server) -> None:
    server.answers = [response("", status=503)]
    sleeps = Sleeps()
    with pytest.raises(ModelError, match=r"failed \(503: no reason given\); try again later"):
        await complete(client(server, sleep=sleeps, attempts=4), ASK)
    assert len(server.requests) == 4 and 0 < sleeps[0] < sleeps[1] < sleeps[2] < 11


async def test_too_long_a_wait_is_left_to_the_caller(server: Server) -> None:
    server.answers = [response("later", status=429, headers="retry-after: 3600\r\n")]
    with pytest.raises(
        ModelError, match=r"over its limit \(429: later\); try again in 3600 s"
    ) as e:
        await complete(client(server, sleep=Sleeps()), ASK)
    assert e.value.retryable and e.value.retry_after_s == 3600 and len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (response(f'{{"error": "no {KEY}"}}', status=401), r"refused the key \(401: no \*\*\*\)"),
        (response('{"error": "no such model"}', status=404), r"does not know .* \(no such model\)"),
        (response('{"message": "too long"}', status=400), r"refused the request \(400: too long\)"),
        (response("<html>Bad\nGateway</html>", status=418), r"\(418: <html>Bad Gateway</html>\)"),
        (response("hello", kind="text/plain"), "expected an event stream from .*'text/plain'"),
        (stream(["[" * 99_999]), r"expected a JSON object from openai:m, got '\[\[\["),
        (response("[" * 99_999, status=418), r"\(418: \[\[\["),
        (stream(["{not json"]), "expected a JSON object from openai:m, got '{not json'"),
        (stream(["[1, 2]"]), r"expected a JSON object from openai:m, got '\[1, 2\]'"),
        (stream([{"choices": "none"}]), "expected a chunk of a chat completion"),
        (stream([{"error": {"message": "out of memory"}}]), "broke off .* error: out of memory"),
        (stream([chunk("content_filter")]), "ended its reply by 'content_filter'"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_no_use(server: Server, answer: bytes, says: str) -> None:
    server.answers = [answer]
    with pytest.raises(ModelError, match=says) as error:
        await complete(client(server), ASK)
    assert not error.value.retryable and len(server.requests) == 1
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (stream([chunk(content="half a rep")], done=False), "half-way, after 10 characters"),
        (stream([chunk(content="half a rep")]), "half-way, after 10 characters"),
        (stream([chunk(content="half")], whole=False, done=False), "dropped the connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-", "dropped the connection"),
        (stream([{"error": {"type": "overloaded", "message": "busy"}}]), "error: busy"),
    ],
)
async def test_an_answer_that_breaks_off_may_be_asked_for_again(
    server: Server, answer: bytes, says: str
) -> None:
    server.answers = [answer]
    with pytest.raises(ModelError, match=says) as error:
        await complete(client(server, sleep=Sleeps()), ASK)
    assert error.value.retryable


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else can listen there meanwhile
        url = f"http://user:pass@127.0.0.1:{silent.getsockname()[1]}/v1"
        gone = OpenAIModel("m", base_url=url, attempts=2, sleep=(sleeps := Sleeps()))
        match = "cannot reach openai:m at http://127.*is the server"
        with pytest.raises(ModelError, match=match) as e:
            await complete(gone, ASK)
    assert e.value.retryable and len(sleeps) == 1 and "pass" not in str(e.value)


async def test_a_server_that_says_nothing(server: Server) -> None:
    server.answers = [None]
    with pytest.raises(ModelError, match="said nothing for 0.5 s; try again, or raise timeout_s"):
        await complete(client(server, timeout_s=0.5, attempts=1), ASK)


async def test_a_server_that_does_not_stop_is_stopped(server: Server) -> None:
    server.answers = [stream([chunk(content="more ")] * 1000)]
    with pytest.raises(ModelError, match="allowed 50 tokens and did not stop after"):
        await complete(client(server), ASK)


async def test_a_cancelled_call_closes_its_connection(server: Server) -> None:
    server.answers = [None]
    task = asyncio.create_task(deltas(client(server)))
    await asyncio.wait_for(server.asked.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.gone.wait(), 60)


async def test_a_reader_that_leaves_closes_the_connection(server: Server) -> None:
    server.answers = [stream([chunk(content="a"), chunk(content="b")], whole=False, done=False)]
    async with aclosing(client(server).stream(ASK)) as pieces:
        await anext(pieces)
