"""An MCP server for the tests, of the SDK's making."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp_types import BlobResourceContents, EmbeddedResource, TextContent, ToolAnnotations

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(8)


def add(a: int, b: int = 1) -> int:
    """Sum of two numbers."""
    return a + b


def draw() -> Image:
    """A picture."""
    return Image(data=PIXEL, format="png")


def report() -> list[TextContent | EmbeddedResource]:
    """Two texts and a file."""
    kind, data = "application/pdf", "JVBERg=="
    blob = BlobResourceContents(uri="file:///a/b.pdf", mime_type=kind, blob=data)
    texts = [TextContent(text="first"), TextContent(text="second")]
    return [*texts, EmbeddedResource(resource=blob)]


def refuse(why: str) -> str:
    """Fails."""
    raise RuntimeError(why)


async def count(to: int, context: Context) -> int:
    """Tells how far it is."""
    for n in range(to):
        await context.report_progress(n, to)
    return to


def pay(euros: int) -> str:
    """Pays, for good."""
    return f"paid {euros}"


def things(cancelled: SimpleQueue[str] | None = None) -> MCPServer:
    """The server; what is cancelled in it is told to the queue."""

    async def wait() -> str:
        """Until it is cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            if cancelled is not None:
                cancelled.put("wait")
        return ""

    server, reads = MCPServer("things"), ToolAnnotations(read_only_hint=True)
    server.add_tool(add, annotations=reads)
    server.add_tool(draw, annotations=ToolAnnotations(idempotent_hint=True))
    server.add_tool(report, structured_output=False)
    server.add_tool(refuse, structured_output=False)
    server.add_tool(count, annotations=reads)
    server.add_tool(wait)
    server.add_tool(pay)
    return server
