"""Tools of an MCP server: `McpServer("npx -y @modelcontextprotocol/server-filesystem .")`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentkit.budget import Cost
from agentkit.errors import ToolError, UsageError
from agentkit.given import require_list
from agentkit.tool import Context, Retry, Tool, from_schema
from agentkit.tools.mcp.connect import is_url, opener
from agentkit.tools.mcp.definition import (
    MOST_DESCRIPTION,
    MOST_TOOLS,
    bounded,
    checked,
    guessed,
    input_schema,
    names,
)
from agentkit.tools.mcp.pins import Definition, changed
from agentkit.tools.mcp.result import CONTENT, opened, value_of
from agentkit.tools.mcp.session import NotReached, ServerLost, Session
from agentkit.types import Effect, Json

if TYPE_CHECKING:
    from mcp import Client

_RUNNERS = frozenset(("npx", "uvx", "uv", "run", "python", "python3", "node", "docker", "deno"))
_FIELDS = {"name", "description", "input_schema", "output_schema", "annotations"}


@dataclass(frozen=True, eq=False)
class McpServer:
    """An MCP server as a toolset: `Agent(tools=[McpServer("uvx mcp-server-git")])`.

    `server` is the command that starts it (spoken to over its standard streams), its URL
    (streamable HTTP), or a `Server` of the SDK in this process. Its tools are named
    `NAME_TOOL`, `name` being the server's own where it is not given. `only` chooses tools by the
    server's names for them.

    In the values of `env`, which a command is given beside a few harmless variables, and in those
    of `headers`, `$NAME` stands for the environment variable of that name: no secret is kept here.

    A tool's annotations are the first guess of its effect class: read-only is `read`, idempotent
    `write`, any other `once`. `effects` says it better, by the server's names. Whatever comes back
    is untrusted. `cost` is what a call costs at most; `timeout_s` bounds a call, `start_s` the
    start of the server, in seconds.

    The session is opened at first use and closed by `close`, or at the exit; one that was lost is
    opened again by the next call. Definitions are pinned in the agent's store: one that changes
    later needs approval for each call, until `agentkit tools trust NAME`.

        >>> import tempfile
        >>> from mcp.server import MCPServer
        >>> shop = MCPServer("shop")
        >>> @shop.tool()
        ... def price(item: str) -> int:
        ...     "What an item costs, in cents."
        ...     return {"tea": 250}[item]
        >>> with McpServer(shop) as server:
        ...     [tool] = server.tools(Path(tempfile.mkdtemp()))
        >>> tool.name, tool.effect, tool.trusted
        ('shop_price', 'once', False)
    """

    server: Any
    _: KW_ONLY
    name: str = ""
    only: Sequence[str] | None = None
    effects: Mapping[str, Effect] = field(default_factory=dict[str, Effect])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | Path | None = None
    cost: Cost = field(default_factory=Cost)
    timeout_s: float | None = 300.0
    start_s: float = 60.0

    def tools(self, folder: Path) -> Sequence[Tool]:
        """Its tools as it offers them now; the session stays open for their calls. Blocking.

        Raises `UsageError` where the server cannot be reached or offers what cannot be taken.
        """
        try:
            offered = self._session.wait(_listed)
        except (NotReached, ServerLost) as error:
            raise UsageError(f"the MCP server cannot be used: {error}") from error
        taken = self._taken(offered)
        new = changed(folder, self.called, checked(taken, self.called))
        known = names([str(one["name"]) for one in taken], self.called)
        return [self._tool(one, known[str(one["name"])], one["name"] in new) for one in taken]

    @cached_property
    def called(self) -> str:
        """The name before those of its tools."""
        given = self.name or _name_of(self.server)
        if not given.isidentifier() or not given.isascii() or given.startswith("_"):
            raise UsageError(
                f"an MCP server's name is a Python identifier; got {given!r}: McpServer(…, name=…)"
            )
        return given

    def close(self) -> None:
        """End the session and, where there is one, the server's process."""
        self._session.close()

    def __enter__(self) -> McpServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def _session(self) -> Session:
        cwd = None if self.cwd is None else str(self.cwd)
        open_ = opener(self.server, env=self.env, headers=self.headers, cwd=cwd)
        return Session(self.called, open_, start_s=self.start_s)

    def _taken(self, offered: Sequence[Definition]) -> Sequence[Definition]:
        if self.only is not None:
            require_list(self.only, "only")
        there = [str(one["name"]) for one in offered]
        asked = {*(there if self.only is None else self.only)}
        for missing in sorted((asked | self.effects.keys()) - {*there}):
            raise UsageError(
                f"{self.called} has no tool {missing!r}; there are {', '.join(sorted(there))}"
            )
        return [one for one in offered if one["name"] in asked]

    def _tool(self, definition: Definition, name: str, new: bool) -> Tool:
        theirs, session = str(definition["name"]), self._session
        output: Any = definition.get("outputSchema")

        async def call(arguments: Mapping[str, Json], context: Context) -> Json:
            async def ask(client: Client) -> Any:
                async def tell(progress: float, total: float | None, message: str | None) -> None:
                    context.progress(progress, total)

                return await client.call_tool(theirs, dict(arguments), progress_callback=tell)

            result = await _answered(session, ask, name)
            return value_of(result, name, context.artifacts, structured=output is not None)

        made = from_schema(
            call,
            name=name,
            description=self._description(definition, new),
            input_schema=input_schema(definition, silent=new),
            output_schema=CONTENT if output is None else opened(bounded(output, silent=new)),
            effect=self.effects.get(theirs, guessed(definition)),
            trusted=False,
            approve=new,
            timeout_s=self.timeout_s,
            retry=Retry(),
            cost=self.cost,
        )
        return replace(made, prepare=_with_context(made))

    def _description(self, definition: Definition, new: bool) -> str:
        if new:
            return (
                "Its definition is not the trusted one, so each call needs approval until "
                f"somebody says `agentkit tools trust {self.called}`."
            )
        return str(definition.get("description") or "")[:MOST_DESCRIPTION]


def _with_context(tool: Tool) -> Any:
    """Arguments and context of a call, apart: an argument may have any name."""
    validated = tool.prepare

    def prepare(args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        return {"arguments": validated(args, context), "context": context}

    return prepare


async def _answered(session: Session, ask: Any, name: str) -> Any:
    """The server's answer. Raises `ToolError` where it refuses, or answers what it may not."""
    from mcp import MCPError

    try:
        return await session.call(ask)
    except MCPError as error:
        raise ToolError(f"{name}: the server refused the call: {error.message[:500]}") from error
    except (RuntimeError, ValueError) as error:  # the SDK's, of a result that it checked
        said = str(error).partition("\n")[0][:500]
        raise ToolError(f"{name}: the server's answer is not what it promised: {said}") from error


async def _listed(client: Client) -> list[Definition]:
    """The definitions of all tools, page by page."""
    found: list[Definition] = []
    if client.server_capabilities.tools is None:
        return found
    cursor: str | None = None
    while len(found) <= MOST_TOOLS:
        page = await client.list_tools(cursor=cursor, cache_mode="refresh")
        found += [
            one.model_dump(mode="json", by_alias=True, include=_FIELDS, exclude_none=True)
            for one in page.tools
        ]
        if page.next_cursor is None or not page.tools:
            break
        cursor = page.next_cursor
    return found


def _name_of(server: Any) -> str:
    """A server's name from its command, its URL or its own.

    >>> _name_of("npx -y @modelcontextprotocol/server-filesystem@2.1 /tmp")
    'filesystem'
    >>> _name_of("python -m mcp_server_time"), _name_of("https://api.example.com/mcp")
    ('time', 'example')
    """
    if not isinstance(server, str):
        text = str(server.name)
    elif is_url(server):
        host = urlsplit(server).hostname or ""
        text = host if host.replace(".", "").isdigit() else ".".join(host.split(".")[-2:-1]) or host
    else:
        words = [one for one in server.split() if not one.startswith("-")]
        text = next((one for one in words if Path(one).name not in _RUNNERS), "")
        text = Path(text[:1] + text[1:].partition("@")[0] if "/" not in text else text).name
        text = text.partition("@")[0].removesuffix(".py").removesuffix(".js")
    word = "".join(c if c.isalnum() and c.isascii() else "_" for c in text.lower()).strip("_")
    for prefix in ("mcp_server_", "server_", "mcp_"):
        word = word.removeprefix(prefix)
    return word if word[:1].isalpha() else f"mcp_{word}".rstrip("_")
