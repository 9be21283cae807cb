"""Events of made-up runs, in the form in which the engine records them."""

from __future__ import annotations

from agentkit.events import Event, EventType
from agentkit.types import Json


class Script:
    """Numbers and times events: each comes `step_s` after the one before."""

    def __init__(self, run: str = "r1", step_s: float = 1.0) -> None:
        self.run, self.step_s = run, step_s
        self.events: list[Event] = []

    def add(self, type_: EventType, node: str | None = None, **data: Json) -> Event:
        seq = len(self.events) + 1
        event = Event(self.run, seq, 100.0 + self.step_s * (seq - 1), type_, node, data)
        self.events.append(event)
        return event


def call(name: str, tool: str) -> Json:
    """A call as a patch's JSON form shows it, as far as progress looks."""
    return {"id": name, "tool": tool, "args": {}}


def briefing() -> list[Event]:
    """Two searches at once, one of which fails and blocks a third node; then an answer."""
    script = Script("20261123-1")
    script.add("run.created", task="Write the briefing", inputs={}, model="test:", tools=["search"])
    script.add("model.called", "plan/model_2", purpose="plan", model="test:", prompt_sha256="0")
    script.add(
        "plan.patched",
        turn=0,
        source="a = search(query='fees')",
        patch={"add": [call("a", "search"), call("b", "search"), call("c", "summarize")]},
    )
    usage: Json = {"input_tokens": 700, "output_tokens": 60, "cost_usd": "0.002"}
    script.add("model.answered", "plan/model_2", text="…", usage=usage, seconds=1.5)
    script.add("node.started", "a", tool="search", args={"query": "fees", "k": 5})
    script.add("node.started", "b", tool="search", args={"query": "rooms"})
    script.add("node.ended", "a", status="value", value=[1, 2, 3], seconds=0.25, attempts=1)
    failure: Json = {"kind": "OSError", "message": "no space on device", "retryable": False}
    script.add("node.ended", "b", status="failed", failure=failure, seconds=0.5, attempts=1)
    blocked: Json = {"kind": "Blocked", "message": "b failed", "cause": "b"}
    script.add("node.ended", "c", status="skipped", failure=blocked, seconds=0.0, attempts=0)
    script.add("run.ended", status="answered", answer="Three fees.", cites=["a"])
    return script.events
