"""agentkit: agents that plan.

A planner model writes a graph of tool calls; the graph is checked before it runs, runs in parallel
while it is still being written, and its results feed back into planning and the answer.

Names are loaded at first use, so that `import agentkit` stays light. Only `tool` is bound here: it
shares its name with the module it lives in, and the import of the module must not win.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit.tool import tool as tool

if TYPE_CHECKING:
    from agentkit.agent import Agent as Agent
    from agentkit.budget import Budget as Budget
    from agentkit.budget import Cost as Cost
    from agentkit.engine.limits import Limits as Limits
    from agentkit.errors import AgentkitError as AgentkitError
    from agentkit.errors import RunError as RunError
    from agentkit.errors import ToolError as ToolError
    from agentkit.errors import UsageError as UsageError
    from agentkit.events import Event as Event
    from agentkit.media import Artifact as Artifact
    from agentkit.media import Audio as Audio
    from agentkit.media import Image as Image
    from agentkit.plan.graph import Patch as Patch
    from agentkit.plan.graph import Plan as Plan
    from agentkit.run import Run as Run
    from agentkit.store import open_store as open_store
    from agentkit.tool import Context as Context
    from agentkit.tool import Retry as Retry
    from agentkit.tool import Tool as Tool

_HOMES = {
    "Agent": "agent",
    "AgentkitError": "errors",
    "Artifact": "media",
    "Audio": "media",
    "Budget": "budget",
    "Context": "tool",
    "Cost": "budget",
    "Event": "events",
    "Image": "media",
    "Limits": "engine.limits",
    "Patch": "plan.graph",
    "Plan": "plan.graph",
    "Retry": "tool",
    "Run": "run",
    "RunError": "errors",
    "Tool": "tool",
    "ToolError": "errors",
    "UsageError": "errors",
    "open_store": "store",
}

__all__ = ["tool", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'agentkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"agentkit.{home}"), name)
