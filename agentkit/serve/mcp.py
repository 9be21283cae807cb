"""An agent, or each of its tools, as an MCP server.

A call is a run like any other: journaled, within the agent's limits and budget, its progress told
from its events. What needs approval is asked of the client's user, where the client can ask.

```python
import asyncio
from mcp import Client
from agentkit import Agent, tool
from agentkit.serve.mcp import mcp_server

@tool(effect="pure")
def double(n: int) -> int:
    "Twice the number."
    return 2 * n

async def main() -> object:
    server = mcp_server(Agent(tools=[double], store="memory"), each=True)
    async with Client(server) as client:
        return (await client.call_tool("double", {"n": 21})).structured_content

assert asyncio.run(main()) == {"result": 42}
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import AgentkitError, MissingExtra, RunPaused
from agentkit.events import Event
from agentkit.serve.mcp_asking import Asking
from agentkit.serve.mcp_content import failed, result_of
from agentkit.serve.mcp_offer import Job, Offer, offers
from agentkit.store import Store, open_store

if TYPE_CHECKING:
    from mcp.server import Server, ServerRequestContext
    from mcp_types import CallToolRequestParams, CallToolResult, InputRequiredResult
    from starlette.applications import Starlette

    from agentkit.agent import Agent


@dataclass(frozen=True, slots=True)
class Desk:
    """What a running server has: its store, and what it offers by name."""

    store: Store
    offers: dict[str, Offer]


def mcp_server(agent: Agent[Any], *, each: bool = False, paths: bool = False) -> Server[Desk]:
    """A server of the SDK: the agent as one tool; with `each`, each of its tools as one.

    `paths` lets a call name files of this machine, as a client that started the server itself may;
    else files come as data: URLs. Raises `MissingExtra`.
    """
    try:
        from mcp.server import Server
        from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
        from mcp_types import ListToolsResult
    except ImportError as error:
        raise MissingExtra("serving MCP", "mcp", "mcp") from error

    @asynccontextmanager
    async def open_desk(_: Server[Desk]) -> AsyncGenerator[Desk]:
        given = agent.store
        store = given if isinstance(given, Store) else open_store(given, artifacts=agent.artifacts)
        try:
            tools = await asyncio.to_thread(agent.equipped, store.folder)
            ready = replace(agent, tools=[*tools.values()], store=store)
            yield Desk(store, offers(ready, tools, each=each, paths=paths))
        finally:
            if store is not given:
                await store.close()

    async def list_tools(ctx: ServerRequestContext[Desk, Any], _: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[one.definition for one in ctx.lifespan_context.offers.values()]
        )

    server: Server[Desk] = Server(
        agent.name,
        version=version("agentkit"),
        lifespan=open_desk,
        on_list_tools=list_tools,
        on_call_tool=_call,
    )
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience=agent.name))
    return server


def mcp_app(agent: Agent[Any], *, each: bool = False, path: str = "/mcp") -> Starlette:
    """The same server over streamable HTTP, for callers on this machine.

    Whoever mounts it enters its lifespan, which Starlette does not do by itself:
    `async with app.router.lifespan_context(app)`.
    """
    return mcp_server(agent, each=each).streamable_http_app(streamable_http_path=path)


async def serve_stdio(server: Server[Desk]) -> None:
    """Serve this process's standard streams until they end; what tools print goes to stderr.

    Raises `UsageError` or `StoreError` where the agent's tools or its store cannot be used.
    """
    from mcp.server.stdio import stdio_server

    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    except ExceptionGroup as group:  # the SDK's: a store or a tool that cannot be opened is in it
        raise _alone(group) from None


def _alone(group: ExceptionGroup[Exception]) -> Exception:
    """What went wrong, where it is one thing."""
    found = [*group.exceptions]
    if len(found) > 1:
        return group
    one = found[0]
    if isinstance(one, ExceptionGroup):
        return _alone(cast("ExceptionGroup[Exception]", one))
    return one


async def _call(
    ctx: ServerRequestContext[Desk, Any], params: CallToolRequestParams
) -> CallToolResult | InputRequiredResult:
    from mcp import MCPError
    from mcp_types import INVALID_PARAMS

    desk = ctx.lifespan_context
    offer = desk.offers.get(params.name)
    if offer is None:
        there = ", ".join(desk.offers)
        raise MCPError(INVALID_PARAMS, f"there is no tool {params.name!r}; there are {there}")
    asking = Asking(ctx, params)
    run = params.request_state or ""
    try:
        job = offer.job(params.arguments or {}, desk.store.artifacts)
        seen: list[Event] = []
        async with aclosing(offer.heard(_events(job, run, asking))) as events:
            async for event in events:
                run = event.run
                seen.append(event)
                await offer.tell(ctx, seen)
        return await result_of(offer.found(seen), desk.store.artifacts)
    except RunPaused as pause:
        return asking.later(pause, run) or failed(str(pause))
    except AgentkitError as error:
        return failed(str(error))


def _events(job: Job, run: str, asking: Asking) -> AsyncGenerator[Event, None]:
    """The events of a new run, or of one that had to wait for an answer."""
    agent = job.agent
    agent = agent if agent.approver else replace(agent, approver=asking)
    return agent.stream_resumed(run) if run else agent.stream(job.task, inputs=job.inputs)
