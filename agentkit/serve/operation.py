"""An operation of the server: where it is, what it takes, what it gives.

From the same description the router routes, the request is read, and /openapi.json is made: so the
document cannot say what the server does not do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeAlias

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp
from typing_extensions import TypeVar

from agentkit.serve.body import read_body, read_query

if TYPE_CHECKING:
    from agentkit.serve.server import Server


AGENT = "agent"
"""The format of a name that is an agent's: the document lists those of the server."""

AgentName: TypeAlias = Annotated[str, Field(json_schema_extra={"format": AGENT})]


class Nothing(BaseModel, extra="forbid"):
    """No body, or no query."""


Body = TypeVar("Body", bound=BaseModel, default=Nothing)
Query = TypeVar("Query", bound=BaseModel, default=Nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request, read: `path` holds the names in the path."""

    server: Server
    request: Request
    path: Mapping[str, str]
    body: Body
    query: Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes back with a status: its media types, each with the schema of what it holds."""

    what: str
    media: Mapping[str, type[Any] | Mapping[str, Any]] = field(
        default_factory=dict[str, "type[Any] | Mapping[str, Any]"]
    )


def json_of(words: Any, what: str = "It.") -> Given:
    """A JSON document of this type."""
    return Given(what=what, media={"application/json": words})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `gives` is by status; `refuses` are the statuses of errors that are
    not every operation's; `leads` says which field of what it gives is a parameter of which name in
    the paths of others."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    does: str
    call: Callable[[Any], Awaitable[ASGIApp]]
    gives: Mapping[int, Given]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    refuses: tuple[int, ...] = ()
    leads: Mapping[str, str] = field(default_factory=dict[str, str])
    open: bool = False


STREAM: Mapping[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
    "required": ["data"],
}
"""The schema of one server-sent event; `data` is JSON."""


def routes_of(operations: Sequence[Operation], server: Server) -> list[Route]:
    """Where the router finds them: a route for each path, so that it knows all of its methods."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, methods, server) for path, methods in by_path.items()]


def _route(path: str, methods: Mapping[str, Operation], server: Server) -> Route:
    async def endpoint(request: Request) -> ASGIApp:
        method = "GET" if request.method == "HEAD" else request.method
        return await _called(methods[method], request, server)

    return Route(path, endpoint, methods=[*methods])


async def _called(operation: Operation, request: Request, server: Server) -> ASGIApp:
    server.counts.asked(operation.name)
    query = read_query(request, operation.query or Nothing)
    body: BaseModel = Nothing()
    if operation.body is not None:
        body = await read_body(request, operation.body, server.bounds)
    path = request.path_params
    call = Call(server=server, request=request, path=path, body=body, query=query)
    return await operation.call(call)
