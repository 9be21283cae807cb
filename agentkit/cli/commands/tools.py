"""`agentkit tools`: what an agent may use, and one call of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.chosen import Chosen, build, choice_options
from agentkit.cli.exits import Output
from agentkit.cli.one_call import call
from agentkit.errors import UsageError
from agentkit.text import inert, one_line
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.tool import Tool


@click.command("tools", short_help="List tools, show one, call one; trust a server's.")
@click.argument("words", nargs=-1, metavar="[NAME | call NAME JSON | trust SERVER]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@choice_options
@click.pass_obj
def command(debug: bool, /, words: tuple[str, ...], as_json: bool, chosen: Chosen) -> int:
    """List an agent's tools; with a NAME its schemas; with `call NAME JSON` one call of it.

    A call is a run like any other: its arguments and its result are validated and journaled. A
    recording, picture or other file is given by its path: `call transcribe '{"audio": "a.wav"}'`.

    `trust SERVER` shows how the tools of an MCP server differ from those that it offered before,
    and takes them as they are now: calls of the changed ones need no approval any more.
    """
    from agentkit.store import local_folder

    if words[:1] == ("trust",) and len(words) == 2:
        return _trust(local_folder(chosen.store), words[1])
    agent = build(chosen, os.environ)
    tools = agent.equipped(local_folder(chosen.store))
    match words:
        case ():
            _list(tools, as_json=as_json)
        case (name,):
            print(json.dumps(described(one(tools, name)), indent=2))
        case ("call", name, *text) if len(text) < 2:
            output: Output = "json" if as_json else "answer"
            tool = one(tools, name)
            return call(agent, tool, "".join(text) or "{}", output, debug, chosen.store)
        case _:
            raise UsageError(
                "expected nothing, NAME, call NAME JSON, or trust SERVER after `agentkit tools`; "
                "quote the JSON: agentkit tools call NAME '{…}'"
            )
    return 0


def _list(tools: Mapping[str, Tool[..., Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([described(tool) for tool in tools.values()], indent=2))
        return
    for tool in tools.values():
        first = one_line(tool.description.partition("\n")[0], 70)
        print(f"{inert(tool.name):<14}  {tool.effect:<5}  {first}")


def _trust(folder: Path, server: str) -> int:
    from agentkit.tools.mcp.pins import trust

    changes = trust(folder, server)
    for change in changes:
        print("\n".join(inert(line) for line in str(change).split("\n")))
    print(f"{len(changes)} definitions of {server} are trusted anew")
    return 0


def one(tools: Mapping[str, Tool[..., Any]], name: str) -> Tool[..., Any]:
    """The tool of that name. Raises `UsageError` that lists what there is."""
    if name not in tools:
        raise UsageError(f"expected one of the tools {', '.join(tools)}; got {name!r}")
    return tools[name]


def described(tool: Tool[..., Any]) -> dict[str, Json]:
    """A tool as JSON."""
    return {
        "name": tool.name,
        "description": tool.description,
        "effect": tool.effect,
        "trusted": tool.trusted,
        "input_schema": dict(tool.input_schema),
        "output_schema": dict(tool.output_schema),
    }
