"""The spans of one life of a run: from its beginning, or its beginning again, to its end here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from agentkit.events import Event, EventType
from agentkit.state import caller
from agentkit.telemetry import content, names
from agentkit.telemetry.metrics import Meters
from agentkit.telemetry.tracer import Open, Tracer

CUT_OFF = "cut_off"
"""The outcome of what no event tells the end of."""

_IN_THIS_PROCESS = frozenset(("local", "test"))
"""Providers whose models run here: nobody else is called."""


_COUNTED_EACH_NS = 1_000_000_000
"""Nodes are counted by so many at a time: a counter costs as much as a span."""


@dataclass(slots=True)
class _Chat:
    """A call of a model whose answer has not come. `about` is what metrics say of it too, `first`
    when the first piece of its text came."""

    span: Open
    about: Mapping[str, AttributeValue]
    first: int | None = None


@dataclass(slots=True)
class Life:
    """What is open in it. `first` is the number of its first event, `last` the time of its last
    one: its times never go back; `by` is who writes it."""

    run: str
    agent: str
    span: Open
    tracer: Tracer
    meters: Meters
    content: bool
    last: int
    first: int
    by: object = None
    turn: Open | None = None
    nodes: dict[str, Open] = field(default_factory=dict[str, Open])
    chats: dict[str, _Chat] = field(default_factory=dict[str, _Chat])
    counted: int = 0
    uncounted: Counter[tuple[str, str | None]] = field(
        default_factory=Counter[tuple[str, str | None]]
    )
    """Nodes that ended, by outcome and tool."""

    def note(self, event: Event) -> None:
        """One more event of the run."""
        step = _STEPS.get(event.type)
        if step is not None:
            self.last = max(self.last, nanoseconds(event.time))
            step(self, event.node or "", event.data)

    def end(self, outcome: str = CUT_OFF, error: str | None = None, message: str = "") -> None:
        """Ends all that is open, then the run's own span."""
        for chat in self.chats.values():
            self.close(chat.span, CUT_OFF)
        for node in self.nodes.values():
            self.close(node, CUT_OFF)
        if self.turn is not None:
            self.close(self.turn, CUT_OFF, error)
        self.chats.clear()
        self.nodes.clear()
        self.turn = None
        self.close(self.span, outcome, error, message)
        self.count()
        self.meters.run(outcome, self.agent)

    def count(self) -> None:
        """The nodes that ended since this was last called."""
        self.meters.nodes(self.uncounted)
        self.uncounted.clear()
        self.counted = self.last

    def planned(self) -> Open:
        """The open turn of the planner; its first event opens it."""
        if self.turn is None:
            about: dict[str, AttributeValue] = {names.OPERATION: "plan", names.AGENT: self.agent}
            self.turn = self.started(named("plan", self.agent), about)
        return self.turn

    def started(
        self, name: str, about: dict[str, AttributeValue], within: Open | None = None
    ) -> Open:
        """A span that begins now, within the run's or another one."""
        return self.tracer.begin(name, about, (within or self.span).context, self.last)

    def parent(self, by: str, purpose: str) -> Open | None:
        """What asked a model; None where that is the run itself."""
        if by in self.nodes:
            return self.nodes[by]
        return self.planned() if by == purpose == "plan" else None

    def failed(self, span: Open, kind: str, message: str = "") -> None:
        """Marks a span; what the error says is content."""
        span.about[names.ERROR] = kind
        span.fail(content.text(message) if self.content and message else None)

    def say(self, name: str, about: dict[str, AttributeValue], span: Open | None = None) -> None:
        """Something that happened within a span, or within the run."""
        (span or self.span).say(name, about, self.last)

    def ended(self, node: str, outcome: str, error: str | None = None, message: str = "") -> None:
        """Ends the span of a node, if it has one."""
        closed = self.nodes.pop(node, None)
        if closed is not None:
            self.close(closed, outcome, error, message)

    def close(self, span: Open, outcome: str, error: str | None = None, message: str = "") -> None:
        if outcome != "value":
            span.about[names.OUTCOME] = outcome
        if error is not None:
            self.failed(span, error, message)
        self.tracer.end(span, self.last)


def nanoseconds(time: float) -> int:
    """Since the epoch, of seconds since then."""
    return int(time * 1e9)


def named(operation: str, what: str) -> str:
    """The name of a span."""
    return f"{operation} {what}" if what else operation


def _called(life: Life, call: str, data: Mapping[str, Any]) -> None:
    by, _, _ = call.rpartition("/model_")
    parent = life.parent(by, data["purpose"])
    if parent is not None and parent.run is not None:
        return  # of a run of its own, which tells it itself
    provider, _, model = data["model"].partition(":")
    about: dict[str, AttributeValue] = {
        names.OPERATION: "chat",
        names.PROVIDER: provider,
        names.REQUEST_MODEL: model or provider,
    }
    more = {names.PURPOSE: data["purpose"]}
    span = life.started(named("chat", model or provider), {**about, **more}, parent)
    if provider not in _IN_THIS_PROCESS:
        span.kind = SpanKind.CLIENT
    life.chats[call] = _Chat(span, about)


def _answered(life: Life, call: str, data: Mapping[str, Any]) -> None:
    chat = life.chats.pop(call, None)
    if chat is None:
        return
    usage, finish, error = data["usage"], data["finish"], data.get("error")
    said: dict[str, AttributeValue] = {
        names.INPUT_TOKENS: usage["input_tokens"],
        names.OUTPUT_TOKENS: usage["output_tokens"],
        names.ESTIMATED: usage["estimated"],
    }
    if usage["cached_tokens"]:
        said[names.CACHED_TOKENS] = usage["cached_tokens"]
    if usage["cost_usd"] is not None:
        said[names.COST_USD] = float(usage["cost_usd"])
    if finish:
        said[names.FINISH_REASONS] = [finish]
    elif "left_after" in data:
        said[names.LEFT_AFTER] = data["left_after"]
    if chat.first is not None:
        said[names.FIRST_CHUNK] = (chat.first - chat.span.began) / 1e9
    if life.content:
        said[names.OUTPUT_MESSAGES] = content.message("assistant", data["text"], finish=finish)
    chat.span.about.update(said)
    if error:
        life.failed(chat.span, error["kind"], error["message"])
    life.tracer.end(chat.span, life.last)
    life.meters.chat(chat.about, data)


def _patched(life: Life, _: str, data: Mapping[str, Any]) -> None:
    life.planned()


def _refused(life: Life, _: str, data: Mapping[str, Any]) -> None:
    codes = [str(problem["code"]) for problem in data["problems"]]
    life.say("agentkit.refused", {names.PROBLEMS: codes}, life.planned())


def _turned(life: Life, _: str, data: Mapping[str, Any]) -> None:
    span = life.planned()
    span.about.update({names.TURN: data["turn"], names.TURN_ENDED: data["ended"]})
    life.tracer.end(span, life.last)
    life.turn = None


def _started(life: Life, node: str, data: Mapping[str, Any]) -> None:
    if node in life.nodes:
        life.ended(node, CUT_OFF)  # it begins anew, and nothing told its end
    tool = data["tool"]
    about: dict[str, AttributeValue]
    if tool is None:
        about = {names.NODE: node, names.ELEMENTS: data.get("elements", 0)}
        span = life.started("map", about)
    else:
        about = {
            names.OPERATION: "execute_tool",
            names.TOOL: tool,
            names.TOOL_TYPE: "function",
            names.TOOL_CALL: node,
        }
        if life.content:
            about[names.TOOL_ARGUMENTS] = content.value(data["args"])
        span = life.started(f"execute_tool {tool}", about)
    span.tool, span.run = tool, data.get("run")
    life.nodes[node] = span


def _retried(life: Life, node: str, data: Mapping[str, Any]) -> None:
    kind, _, _ = str(data["error"]).partition(": ")
    about: dict[str, AttributeValue] = {
        names.ATTEMPT: data["attempt"],
        names.ERROR: kind,
        names.WAIT_S: data["wait_s"],
    }
    if node in life.nodes:
        life.say("agentkit.retried", about, life.nodes[node])


def _asked(life: Life, node: str, data: Mapping[str, Any]) -> None:
    life.say("agentkit.asked", {names.NODE: node, names.TOOL: data["tool"]})
    if caller(node) != node:
        life.ended(caller(node), "paused")


def _decided(life: Life, node: str, data: Mapping[str, Any]) -> None:
    life.say("agentkit.decided", {names.NODE: node, names.VERDICT: data["verdict"]})


def _ended(life: Life, node: str, data: Mapping[str, Any]) -> None:
    outcome: str = data["status"]
    closed = life.nodes.pop(node, None)
    life.uncounted[outcome, closed.tool if closed else None] += 1
    if life.last - life.counted >= _COUNTED_EACH_NS:
        life.count()
    if closed is None:
        return  # it never began
    if data["attempts"] != 1:
        closed.about[names.ATTEMPTS] = data["attempts"]
    if life.content and "value" in data and closed.tool is not None:
        closed.about[names.TOOL_RESULT] = content.value(data["value"])
    if outcome == "value":
        life.tracer.end(closed, life.last)
        return
    failure: Mapping[str, Any] = data.get("failure") or {}
    error = failure.get("kind") if outcome in ("failed", "in_doubt") else None
    life.close(closed, outcome, error, failure.get("message", ""))


def _run_ended(life: Life, _: str, data: Mapping[str, Any]) -> None:
    outcome = data["status"]
    if life.content and data.get("answer") is not None:
        said = content.message("assistant", data["answer"], finish="stop")
        life.span.about[names.OUTPUT_MESSAGES] = said
    life.end(outcome, data.get("kind"), str(data.get("error") or ""))


_Step: TypeAlias = Callable[[Life, str, Mapping[str, Any]], None]
_STEPS: Mapping[EventType, _Step] = {
    "model.called": _called,
    "model.answered": _answered,
    "plan.patched": _patched,
    "plan.refused": _refused,
    "plan.turn": _turned,
    "node.started": _started,
    "node.retried": _retried,
    "node.asked": _asked,
    "node.decided": _decided,
    "node.ended": _ended,
    "run.ended": _run_ended,
}
