"""Which lives of runs are open in this process, and which spans they are within."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanContext, TracerProvider
from opentelemetry.util.types import AttributeValue

from agentkit.events import Event
from agentkit.telemetry import content, names
from agentkit.telemetry.life import Life, named, nanoseconds
from agentkit.telemetry.metrics import Meters
from agentkit.telemetry.tracer import Open, Tracer, life_context

_MOST_KNOWN = 1000
"""Runs whose beginning is remembered, in case that they go on here."""

_ELSEWHERE = ("submitted", "forked")
"""A run that says so in its first event begins with its first `run.resumed`."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What a run's first event says, and the number of the event that its last life began with."""

    created: dict[str, Any]
    former: int | None


class Spans:
    """Told the events of any number of runs, from any thread; without a provider those of the
    program's own one get the spans."""

    def __init__(self, provider: TracerProvider | None, meters: Meters, *, content: bool) -> None:
        self._tracer = Tracer(provider)
        self._meters, self._content = meters, content
        self._lock = threading.Lock()
        self._lives: dict[str, Life] = {}
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._calls: dict[str, tuple[str, str]] = {}
        """The run and the node of calls that are runs, by the ids of those."""

    def note(self, event: Event, by: object = None) -> None:
        """One more event of a run, stored or soon so; `by` is who writes it."""
        with self._lock:
            if event.type in ("run.created", "run.resumed"):
                self._begin(event, by)
                return
            life = self._lives.get(event.run)
            if life is None or life.by != by:
                return  # what is decided about a run that nobody carries on, or what is refused
            life.note(event)
            if event.type == "node.started" and "run" in event.data:
                self._calls[str(event.data["run"])] = event.run, event.node or ""
            elif event.type == "run.ended":
                self._forget(event.run)

    def first_text(self, event: Event) -> None:
        """A piece of a model's text, as it comes."""
        life = self._lives.get(event.run)
        chat = life.chats.get(event.node or "") if life is not None else None
        if chat is not None and chat.first is None:
            chat.first = max(chat.span.began, nanoseconds(event.time))

    def learn(self, events: Sequence[Event]) -> None:
        """All the events of a run, read because it may go on."""
        if events and events[0].type == "run.created":
            former = next((one.seq for one in reversed(events) if _begins_here(one)), None)
            with self._lock:
                self._know(events[0].run, _Known(dict(events[0].data), former))

    def lose(self, run: str, by: object, error: str) -> None:
        """Nothing more of the run can be stored by this writer."""
        with self._lock:
            life = self._lives.get(run)
            if life is not None and life.by == by:
                life.end(error=error)
                self._forget(run)

    def close(self) -> None:
        """Ends all that is open."""
        with self._lock:
            for run, life in [*reversed(self._lives.items())]:  # a call before what is around it
                life.end()
                self._forget(run)

    def _begin(self, event: Event, by: object) -> None:
        known = self._known.get(event.run)
        if event.type == "run.created":
            known = _Known(dict(event.data), None)
        if known is None:
            known = _Known({}, None)
        if not _begins_here(event):
            self._know(event.run, known)
            return
        if (open_still := self._lives.get(event.run)) is not None:
            if event.seq == open_still.first and by != open_still.by:
                return  # of two who begin at once the second is refused
            open_still.end()
            self._forget(event.run)
        self._lives[event.run] = self._life(event, known, by)
        self._know(event.run, _Known(known.created, event.seq))

    def _life(self, event: Event, known: _Known, by: object) -> Life:
        around, at = self._around(event.run), nanoseconds(event.time)
        agent = str(known.created.get("agent") or "")
        span = self._tracer.begin_life(
            named("invoke_agent", agent),
            self._about(event, known.created, agent),
            (event.run, event.seq),
            at,
            within=None if around is None else around.context,
            links=self._linked(event, known, around),
        )
        return Life(
            event.run, agent, span, self._tracer, self._meters, self._content, at, event.seq, by
        )

    def _around(self, run: str) -> Open | None:
        """The span of the call that the run is, while it is open."""
        outer, node = self._calls.get(run, ("", ""))
        life = self._lives.get(outer)
        return life.nodes.get(node) if life is not None else None

    def _about(
        self, event: Event, created: dict[str, Any], agent: str
    ) -> dict[str, AttributeValue]:
        about: dict[str, AttributeValue] = {
            names.OPERATION: "invoke_agent",
            names.AGENT: agent,
            names.RUN: event.run,
        }
        if created.get("origin"):
            about[names.AGENT_ID] = created["origin"]
        if created.get("session"):
            about[names.CONVERSATION] = created["session"]
        if created.get("forked"):
            about[names.FORKED_FROM] = created["forked"]["run"]
        if self._content and "task" in created:
            about[names.INPUT_MESSAGES] = content.message("user", created["task"])
        return about

    def _linked(self, event: Event, known: _Known, around: Open | None) -> list[SpanContext]:
        """The former life of the run, and what the program itself was about when this began."""
        linked: list[SpanContext] = []
        if known.former is not None:
            linked.append(life_context(event.run, known.former))
        outside = trace.get_current_span().get_span_context()
        if around is None and outside.is_valid:
            linked.append(outside)
        return linked

    def _know(self, run: str, known: _Known) -> None:
        self._known[run] = known
        self._known.move_to_end(run)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def _forget(self, run: str) -> None:
        del self._lives[run]
        self._calls = {of: call for of, call in self._calls.items() if call[0] != run}


def _begins_here(event: Event) -> bool:
    """Whether a process carries the run on from this event."""
    if event.type == "run.created":
        return not any(event.data.get(word) for word in _ELSEWHERE)
    return event.type == "run.resumed"
