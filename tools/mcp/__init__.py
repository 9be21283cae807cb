"""MCP servers as tools.

toolset.py     McpServer: from a server's definitions to tools
definition.py  a definition made a name, bounds, an effect class
pins.py        definitions kept, and what has changed since
connect.py     a process, an address or an object, as a connection
session.py     the thread that owns a connection, from its opening to its end
result.py      what a server answers, as JSON and artifacts
"""

from __future__ import annotations

from agentkit.tools.mcp.toolset import McpServer

__all__ = ["McpServer"]
