"""BFCL over several turns: all calls of a conversation, one after the other, as one plan.

The data set writes them as Python, `mean(numbers=[3, 16, 60])`, so the plan language's parser reads
them. What one call gave stands as a value in the next: these plans have calls and no edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

from agentkit.errors import InvalidPlan
from agentkit.plan.graph import Plan, apply
from agentkit.plan.program import parse_program
from agentkit.tool import Tool

from .bfcl import tool_of
from .case import Case, rows

FILES = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}
"""The file that describes the functions of each class."""


def read(folder: Path) -> Iterator[Case]:
    """The conversations of `multi_turn_base`; the other three files repeat nearly all its calls."""
    described = {
        name: [tool_of(doc) for doc in rows(folder / "multi_turn_func_doc" / f"{file}.jsonl")]
        for name, file in FILES.items()
    }
    for row in rows(folder / "multi_turn_base.jsonl.gz"):
        tools = {tool.name: tool for name in row["involved_classes"] for tool in described[name]}
        calls = [call for turn in row["ground_truth"] for call in turn]
        yield Case(f"bfcl_turns/{row['id']}", tools, plan_of(calls, tools))


def plan_of(calls: list[str], tools: dict[str, Tool]) -> Plan:
    """The plan of calls written as Python, in their order; `InvalidPlan` where it is none."""
    patches, problems = parse_program("\n".join(calls), tools)
    if problems:
        raise InvalidPlan(problems)
    return reduce(apply, patches, Plan())
