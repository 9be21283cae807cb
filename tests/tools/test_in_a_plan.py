"""The built-in tools in a plan: from the example call to the right sum, without a model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.scheduler import Scheduler
from agentkit.events import EventType
from agentkit.media import handle_schema
from agentkit.plan.check import check
from agentkit.plan.graph import Plan, apply
from agentkit.plan.program import parse_program
from agentkit.state import RunState
from agentkit.tool import Tool
from agentkit.tools import files, python, read_image, search, transcribe
from agentkit.tools.embed import MiniLM

pytestmark = pytest.mark.anyio

BRIEFING = r'''
talk = transcribe(audio=call)
rates = search(query="room and meals at Lakeside House", k=1)
trains = search(query="return train ticket from Northgate to Lakeside", k=2)
rules = search(query="who has to approve an event", k=1)
menu = read_image(image=notice)
total = python(
    code="""
import re
people = int(re.search(r'(\\d+) people', said)[1])
room, meals = map(int, re.findall(r'costs? (\\d+) euros per person', rates))
train = min(int(n) for n in re.findall(r'costs (\\d+) euros per person', trains))
people * (2 * room + 3 * meals + train)
""",
    values={"said": talk.text, "rates": rates[0].text, "trains": f"{[t.text for t in trains]}"},
)
if total.value > 5000:
    note = write_file(path="briefing.md", text=f"{total.value} euros. {rules[0].text}")
answer(f"{total.value} euros; {menu.lines[0].text}")
'''


class Starts:
    """Notes which nodes were running when another one started."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.most = 0

    def __call__(self, kind: EventType, node: str | None, data: Any) -> None:
        if kind == "node.started" and node is not None:
            self.running.add(node)
            self.most = max(self.most, len(self.running))
        elif kind == "node.ended" and node is not None:
            self.running.discard(node)


async def test_the_example_call_is_answered(data: Path, minilm: MiniLM, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = search(data / "handbook", index=tmp_path / "index", embedder=minilm)
    made: list[Tool] = [transcribe(), found, python(), read_image(), *files(tmp_path / "out")]
    tools = {tool.name: tool for tool in made}
    store = FolderArtifacts(tmp_path / "artifacts")
    plan = Plan(inputs={"call": handle_schema("audio/*"), "notice": handle_schema("image/*")})
    patches, problems = parse_program(BRIEFING, tools, plan)
    assert problems == []
    for patch in patches:
        plan = apply(plan, patch)
    assert check(plan, tools) == ()

    starts = Starts()
    inputs = {
        "call": asdict(store.put_file(data / "call.flac")),
        "notice": asdict(store.put_file(data / "canteen.png")),
    }
    scheduler = Scheduler(
        tools=tools, record=starts, artifacts=store, state=RunState(run="r", inputs=inputs)
    )
    async with scheduler as run:
        run.add(plan.nodes.values())
        await run.settled()
    outcomes = {name: outcome.status for name, outcome in run.outcomes.items()}
    assert set(outcomes.values()) == {"value"}, outcomes
    assert run.outcomes["total"].value == {"value": 5180, "stdout": ""}
    assert starts.most >= 2
    briefing = (tmp_path / "out" / "briefing.md").read_text("utf-8")
    assert briefing.startswith("5180 euros. Who approves what")
    assert "Helena Brandt" in briefing
    assert plan.answer is not None and plan.answer.using == ()  # its text needs no model
