"""`agentkit plan`: every form of the plan, on standard output alone, and nothing runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agentkit.plan.graph import Plan
from agentkit.plan.jsonform import plan_from_json
from agentkit.plan.program import parse_program
from agentkit.tool import as_tool

from .agents import PLAN, TOOLS
from .process import AGENTS, agentkit

NODES = {"fees", "rooms", "lengths", "if_1", "note"}
EDGES = {
    ("fees", "lengths"), ("rooms", "lengths"), ("lengths", "if_1"), ("if_1", "note"),
    ("fees", "answer"), ("lengths", "answer"),
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def planned(folder: Path, agent: str, *form: str) -> tuple[int, str, str]:
    done = agentkit(folder, "plan", "Do it.", "--agent", f"{AGENTS}:{agent}", *form)
    assert not (folder / "witness.txt").exists(), "a tool ran"
    return done.returncode, done.stdout, done.stderr


def read_text(text: str) -> tuple[set[str], set[tuple[str, str]] | None]:
    patches, problems = parse_program(text, {tool.name: as_tool(tool) for tool in TOOLS}, Plan())
    assert not problems
    assert text == PLAN.replace('"', "'")
    return {node.id for patch in patches for node in patch.add}, None


def read_json(text: str) -> tuple[set[str], set[tuple[str, str]] | None]:
    plan = plan_from_json(json.loads(text))
    assert plan.answer is not None
    return set(plan.nodes), None


def read_mermaid(text: str) -> tuple[set[str], set[tuple[str, str]] | None]:
    assert text.startswith("flowchart TD\n")
    names = dict(re.findall(r"^ +(n\d+)[\[({]+\"(\w+)", text, re.M))
    arrows = re.findall(r"^ +(n\d+) (?:-->|-\. \w+ \.->) (n\d+)$", text, re.M)
    return set(names.values()) - {"answer"}, {(names[a], names[b]) for a, b in arrows}


def read_svg(text: str) -> tuple[set[str], set[tuple[str, str]] | None]:
    root = ElementTree.fromstring(text)
    names = {link.get("href", "")[1:] for link in root.iter(f"{SVG}a")}
    said = [path.findtext(f"{SVG}title") or "" for path in root.iter(f"{SVG}path")]
    arrows = [re.match(r"(\w+) → (\w+)", title) for title in said]
    return names - {"answer"}, {(arrow[1], arrow[2]) for arrow in arrows if arrow}


@pytest.mark.parametrize(
    ("form", "read"),
    [((), read_text), (("--json",), read_json), (("--mermaid",), read_mermaid),
     (("--svg",), read_svg)],
)  # fmt: skip
def test_the_plan_in_each_form(
    form: tuple[str, ...],
    read: Callable[[str], tuple[set[str], set[tuple[str, str]] | None]],
    tmp_path: Path,
) -> None:
    code, out, err = planned(tmp_path, "looking", *form)
    nodes, edges = read(out)
    assert (code, nodes) == (0, NODES)
    assert edges is None or edges == EDGES
    assert err.splitlines()[-1] == "5 steps, 2 can start now; nothing wrong"


def test_what_is_wrong_is_said_and_fails(tmp_path: Path) -> None:
    code, _, err = planned(tmp_path, "wrong")
    assert code == 1
    assert "problem: 1:5 unknown_tool: expected a tool; found 'lock'; did you mean 'look'?" in err
    assert err.splitlines()[-1] == "0 steps, 0 can start now; 1 problem"


def test_planning_keeps_no_run(tmp_path: Path) -> None:
    planned(tmp_path, "looking")
    assert agentkit(tmp_path, "runs").stdout == ""
