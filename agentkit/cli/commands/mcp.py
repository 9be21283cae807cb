"""`agentkit mcp`: an agent, or tools, for any MCP client, over standard input and output."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import click

from agentkit.cli.chosen import Chosen, build, choice_options
from agentkit.errors import UsageError


@click.command("mcp", short_help="Serve an agent or tools to MCP clients.")
@click.option("--tools", "names", metavar="NAME,…", default="", help="As --tool for each name.")
@choice_options
def command(names: str, chosen: Chosen) -> int:
    """Serve an agent (--agent) as one tool, or tools (--tools, --docs, --files) as they are.

    For a client that starts servers itself: its configuration has this command. It speaks MCP over
    standard input and output, until its input ends; what tools print goes to standard error.
    """
    from agentkit.agent import Agent
    from agentkit.cli.tracing import with_traces
    from agentkit.serve.mcp import mcp_server, serve_stdio

    named = tuple(name.strip() for name in names.split(",") if name.strip())
    chosen = replace(chosen, tools=(*chosen.tools, *named))
    each = bool(chosen.tools or chosen.docs or chosen.files)
    if not (chosen.agent or each):
        raise UsageError(
            "expected what to serve: --agent FILE.py:NAME, or --tools python,search:FOLDER"
        )
    with _stdout_kept():
        agent = with_traces(build(chosen, os.environ, asking=False), os.environ)
    if chosen.agent and agent.name == Agent.name:
        agent = replace(agent, name=chosen.agent.rpartition(":")[2])
    asyncio.run(serve_stdio(mcp_server(agent, each=not chosen.agent, paths=True)))
    return 0


@contextmanager
def _stdout_kept() -> Generator[None]:
    """What is printed meanwhile goes to standard error: the output is for the protocol alone."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
