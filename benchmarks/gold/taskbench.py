"""TaskBench: unrepaired plans that real models wrote, and what is structurally wrong with each.

A plan there is a list of tool names and a list of links between them. A link names tools, so a
tool that is listed twice is one node. What is wrong is found here without agentkit (names looked
up, cycles by networkx), and must be what the check finds.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from agentkit.plan.graph import Arg, Call, Compute, Const, Node, Plan, Ref
from agentkit.tool import Tool

from .case import described_tool, identifier, rows

ANYTHING: dict[str, Any] = {"type": "object", "additionalProperties": {}}
DOMAINS = ("huggingface", "multimedia")
STRUCTURAL = {
    "unknown_tool": "a missing tool",
    "unknown_name": "a link to a missing node",
    "cycle": "a cycle",
}


@dataclass(frozen=True)
class Written:
    """A model's plan, and every defect of its structure as (kind, ids of nodes that show it).

    A cycle counts as found where any of its nodes is named, the others where that very node is.
    """

    id: str
    tools: dict[str, Tool]
    plan: Plan
    defects: tuple[tuple[str, frozenset[str]], ...]


def read(folder: Path) -> Iterator[Written]:
    """All plans of the two domains whose plans are kept."""
    for domain in DOMAINS:
        with gzip.open(folder / domain / "tool_desc.json.gz", "rt", encoding="utf-8") as file:
            described: Any = json.load(file)
        names = [tool["id"] for tool in described["nodes"]]
        tools = {identifier(name): described_tool(name, ANYTHING) for name in names}
        for path in sorted(folder.glob(f"llm_plans_{domain}_*.jsonl.gz")):
            for row in rows(path):
                yield _written(f"{row['model']}/{domain}/{row['id']}", row, tools)


def _written(case: str, row: Any, tools: dict[str, Tool]) -> Written:
    links = [(identifier(link["source"]), identifier(link["target"])) for link in row["task_links"]]
    args: dict[str, dict[str, Arg]] = {}
    for number, node in enumerate(row["task_nodes"]):
        step = args.setdefault(identifier(node["task"]), {})
        step[f"given_{number}"] = Const(node.get("arguments"))
    defects = [("unknown_tool", frozenset({name})) for name in args if name not in tools]
    nodes: dict[str, Node] = {}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for number, (source, target) in enumerate(links):
        if target not in args:  # a result that is handed to nobody
            name = f"link_{number}"
            nodes[name] = Compute(id=name, value=Ref(f"missing_{target}"))
            defects.append(("unknown_name", frozenset({name})))
        elif source not in args:
            args[target][f"from_{number}"] = Ref(f"missing_{source}")
            defects.append(("unknown_name", frozenset({target})))
        else:
            args[target][f"from_{number}"] = Ref(source)
            graph.add_edge(source, target)
    defects += [
        ("cycle", frozenset(group))
        for group in nx.strongly_connected_components(graph)
        if len(group) > 1 or graph.has_edge(next(iter(group)), next(iter(group)))
    ]
    nodes |= {name: Call(id=name, tool=name, args=given) for name, given in args.items()}
    return Written(case, tools, Plan(nodes=nodes), tuple(defects))
