"""/v1/models: the agents, each as a model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from starlette.types import ASGIApp

from agentkit.serve.operation import Call, Operation, json_of
from agentkit.serve.reply import Reply
from agentkit.serve.server import Server


class Model(BaseModel):
    """An agent."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["agentkit"] = "agentkit"


class Models(BaseModel):
    """All agents of the server."""

    object: Literal["list"] = "list"
    data: list[Model]


async def models(call: Call) -> ASGIApp:
    """All agents."""
    listed = [_model(call.server, name) for name in call.server.agents]
    return Reply(Models(data=listed).model_dump())


async def model(call: Call) -> ASGIApp:
    """One agent. Raises `Refused` where there is none of the name."""
    name = call.path["model"]
    call.server.agent(name)
    return Reply(_model(call.server, name).model_dump())


def _model(server: Server, name: str) -> Model:
    return Model(id=name, created=int(server.began))


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/models",
        name="models",
        does="The agents of this server.",
        call=models,
        gives={200: json_of(Models)},
        leads={"model": "data/0/id"},
    ),
    Operation(
        method="GET",
        path="/v1/models/{model}",
        name="model",
        does="One agent.",
        call=model,
        gives={200: json_of(Model)},
        refuses=(404,),
    ),
)
