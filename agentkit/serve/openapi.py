"""The OpenAPI document of the operations, made from what they say of themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from starlette.types import ASGIApp

from agentkit.serve.operation import AGENT, Call, Given, Operation, json_of
from agentkit.serve.reply import Reply

REF = "#/components/schemas/{model}"


class Problem(BaseModel):
    """What went wrong: a sentence, its kind, the field it is about, a word for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class Problems(BaseModel):
    """An error, in OpenAI's form."""

    error: Problem


_REFUSALS: Mapping[int, str] = {
    400: "Something in the request is not as expected.",
    401: "No token, or a wrong one.",
    402: "The run's budget allows nothing more.",
    403: "Asked from another site, or by a name that is not the server's.",
    404: "There is no such thing.",
    408: "The body took too long to come.",
    409: "Not as things stand: the run goes on, or waits for nothing.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The run came to no answer.",
    429: "As many runs go on as may.",
    431: "The headers are too large.",
    503: "As many streams are open as may, or the model cannot be reached.",
}
_ALWAYS = (400, 403, 431)
_WITH_BODY = (408, 413, 415)
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")

_Model = type[BaseModel]


def document(operations: Sequence[Operation], agents: Sequence[str]) -> dict[str, Any]:
    """The document, OpenAPI 3.1, of a server with these agents."""
    schemas, components = _schemas(operations)
    _list(components, agents)
    paths: dict[str, Any] = {}
    for operation in operations:
        path = _PARAMETER.sub(r"{\1}", operation.path)
        described = _described(operation, schemas, operations)
        paths.setdefault(path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "agentkit", "version": version("agentkit")},
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def operation_of(whole: Mapping[str, Any]) -> Operation:
    """The operation that gives the document."""

    async def openapi(call: Call) -> ASGIApp:
        return Reply(whole)

    return Operation(
        method="GET",
        path="/openapi.json",
        name="openapi",
        does="This document.",
        call=openapi,
        gives={200: json_of(dict[str, Any])},
    )


_Schemas = Mapping[tuple[_Model, JsonSchemaMode], Mapping[str, Any]]


def _schemas(operations: Sequence[Operation]) -> tuple[_Schemas, dict[str, Any]]:
    """The schema of each model that is taken or given, and the components they refer to."""
    asked: dict[tuple[_Model, JsonSchemaMode], None] = {(Problems, "serialization"): None}
    for operation in operations:
        for taken in (operation.body, operation.query):
            if taken is not None:
                asked[taken, "validation"] = None
        for given in operation.gives.values():
            for words in given.media.values():
                if isinstance(words, type) and issubclass(words, BaseModel):
                    asked[words, "serialization"] = None
    found, whole = models_json_schema([*asked], ref_template=REF)
    return cast("_Schemas", found), whole["$defs"]


def _list(schema: Any, agents: Sequence[str]) -> None:
    """Says of each name of an agent which there are."""
    if isinstance(schema, dict):
        if cast("dict[str, Any]", schema).get("format") == AGENT:
            schema["enum"] = [*agents]
        for inner in cast("dict[str, Any]", schema).values():
            _list(inner, agents)


def _described(
    operation: Operation, schemas: _Schemas, operations: Sequence[Operation]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.does,
        "responses": _responses(operation, schemas),
    }
    if links := _links(operation, operations):
        described["responses"][str(min(operation.gives))]["links"] = links
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[operation.body, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.open:
        described["security"] = []
    return described


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    responses = {
        str(status): _given(given, schemas) for status, given in sorted(operation.gives.items())
    }
    error = {"application/json": {"schema": schemas[Problems, "serialization"]}}
    for status in sorted({*_ALWAYS, *_further(operation)}):
        responses[str(status)] = {"description": _REFUSALS[status], "content": error}
    return responses


def _links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """Which operations take what this one gives."""
    return {
        other.name: {
            "operationId": other.name,
            "parameters": {name: f"$response.body#/{field}"},
        }
        for name, field in operation.leads.items()
        for other in operations
        if name in _PARAMETER.findall(other.path)
    }


def _further(operation: Operation) -> set[int]:
    """The statuses of errors that this operation may come to, beside those of all."""
    body = _WITH_BODY if operation.body is not None else ()
    return {*operation.refuses, *body, *(() if operation.open else (401,))}


def _given(given: Given, schemas: _Schemas) -> dict[str, Any]:
    content = {media: {"schema": _schema(words, schemas)} for media, words in given.media.items()}
    return {"description": given.what, **({"content": content} if content else {})}


def _schema(words: Any, schemas: _Schemas) -> Mapping[str, Any]:
    if isinstance(words, Mapping):
        return cast("Mapping[str, Any]", words)
    if isinstance(words, type) and issubclass(words, BaseModel):
        return schemas[words, "serialization"]
    kind = cast("Any", words)
    return TypeAdapter(kind).json_schema(mode="serialization")


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    named: list[dict[str, Any]] = [
        _parameter(name, "path", {"type": "string", "minLength": 1}, required=True)
        for name in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        whole = operation.query.model_json_schema(mode="validation")
        named += [_parameter(name, "query", each) for name, each in whole["properties"].items()]
    headers = operation.headers.items()
    return named + [_parameter(name, "header", dict(schema)) for name, schema in headers]


def _parameter(
    name: str, place: Literal["path", "query", "header"], schema: dict[str, Any], **more: Any
) -> dict[str, Any]:
    about = schema.pop("description", "")
    described = {"name": name, "in": place, "schema": schema, **more}
    return {**described, "description": about} if about else described
