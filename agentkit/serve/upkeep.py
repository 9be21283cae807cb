"""For whoever keeps the server running: is it there, and what does it do."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from agentkit.serve.counts import exposition
from agentkit.serve.operation import Call, Given, Operation, json_of
from agentkit.serve.reply import Reply


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


async def health(call: Call) -> ASGIApp:
    """Says that the server is there, and nothing else: nobody need show a token."""
    return Reply(Health().model_dump())


async def metrics(call: Call) -> ASGIApp:
    """Counters and gauges in Prometheus' text format."""
    server = call.server
    text = exposition(
        server.counts,
        runs=len(server.live),
        streams=len(server.streams),
        up_s=server.clock() - server.began,
    )
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


OPERATIONS = (
    Operation(
        method="GET",
        path="/health",
        name="health",
        does="Whether the server is there.",
        call=health,
        gives={200: json_of(Health)},
        open=True,
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="metrics",
        does="Counters and gauges in Prometheus' text format.",
        call=metrics,
        gives={200: Given(what="The metrics.", media={"text/plain": str})},
    ),
)
