"""What of a run's page changed since it was last sent: elements that htmx swaps in by their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from agentkit.events import Event
from agentkit.plan.graph import Plan
from agentkit.plan.svg import Picture, picture
from agentkit.report import Chronicle
from agentkit.report.preview import Cut, Cuts
from agentkit.report.view import OPEN, View
from agentkit.serve.page.editing import editable, written
from agentkit.serve.page.site import Site
from agentkit.state import owner
from agentkit.types import Json

Kind: TypeAlias = Literal["run", "turn"]
"""What shows the run: a page of its own, or a turn of a chat, which has no drawings."""

MOST_BARS = 60
"""Steps up to which the waterfall follows."""

_LINE = re.compile(r"\r\n|\r|\n")


@dataclass(slots=True)
class Parts:
    """A run on an open page. `anchor` goes before its places, `kind` says which parts there are."""

    site: Site
    run: str
    kind: Kind = "run"
    anchor: str = ""
    told: Chronicle = field(init=False)
    seq: int = 0
    _sent: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _touched: set[str] = field(default_factory=set[str])
    _names: tuple[str, ...] = ()
    _plan: Plan | None = None
    _picture: Picture | None = None
    _logged: int = 0
    _cuts: Cuts = field(default_factory=dict[int, "tuple[Json, Cut]"])

    def __post_init__(self) -> None:
        self.told = Chronicle(self.anchor)

    def note(self, events: Iterable[Event]) -> None:
        """More of the run's events."""
        for event in events:
            self._touched |= {owner(name) for name in self.told.note(event)}
            self.seq = event.seq or self.seq

    def data(self, view: View) -> dict[str, Any]:
        """What templates need of it beside the files."""
        return {
            "view": view,
            "cuts": self._cuts,
            "at": self.anchor,
            "kind": self.kind,
            "live": self.run in self.site.server.live,
            "inner": _no_inner,
            "editable": editable,
            "written": written,
            "asked": tuple(self.told.folded.state().asked.values()),
            "said": _said(view),
            "seq": self.seq,
            "agents": [*self.site.server.agents],
        }

    def whole(self, template: str, **more: Any) -> str:
        """All of it, as the page has it at first; what is sent later comes after that."""
        view = self.told.view()
        made = self.site.part(template, self.run, **self.data(view), **more)
        return made

    def changed(self) -> str:
        """The parts that look different from what was last sent, for htmx to put in their places;
        empty where none does."""
        view = self.told.view()
        data = self.data(view)
        small = ("top", "said", "waiting", "answer") if self.kind == "run" else _OF_A_TURN
        found = [self._section(name, name, data) for name in small]
        found.append(self._steps(view, data))
        if self.kind == "run":
            found += [self._graph(view), self._log(view, data)]
            if self._stale(view):
                found.append(self._section("time", "time", data))
            if any(event.type in _PLANNERS for event in view.log[self._logged :]):
                found += [self._section(name, name, data) for name in ("planner", "spend")]
            self._logged = len(view.log)
        self._touched.clear()
        return "\n".join(part for part in found if part)

    def _stale(self, view: View) -> bool:
        """Whether the waterfall is drawn anew. Every bar of it moves with each second, and a long
        one costs a browser much: that waits for the end of the run, or for who reloads."""
        return view.status != "running" or (bool(self._touched) and len(view.steps) <= MOST_BARS)

    def _section(self, place: str, template: str, data: Mapping[str, Any]) -> str:
        html = self.site.part(f"part_{template}", self.run, **data)
        digest = sha256(html.encode()).digest()
        if self._sent.get(place) == digest:
            return ""
        self._sent[place] = digest
        return _into(f"{self.anchor}{place}", html)

    def _steps(self, view: View, data: Mapping[str, Any]) -> str:
        names = tuple(step.name for step in view.steps)
        if names != self._names:
            self._names = names
            return _into(f"{self.anchor}steps", self.site.part("part_steps", self.run, **data))
        ended = view.status != "running"
        changed = [
            s for s in view.steps if s.name in self._touched or (ended and s.status in _LEFT)
        ]
        made = [self.site.part("step", self.run, **data, step=step) for step in changed]
        return "\n".join(
            step.replace("<details", '<details hx-swap-oob="true"', 1) for step in made
        )

    def _graph(self, view: View) -> str:
        """The whole drawing where the plan is another, else the boxes of steps that changed."""
        if view.plan != self._plan or self._picture is None:
            self._plan, self._picture = view.plan, picture(view.plan)
            html = self.site.part("graph", view=view, plan=self._picture)
            return _into(f"{self.anchor}graph", f"<h2>Plan</h2>{html}")
        plan, ended = self._picture, view.status != "running"
        known = {box.name for box in plan.drawn.boxes}
        boxes = [
            plan.box(step.name, step.status, lambda name: f"#{view.places.get(name)}").replace(
                "<a ", f"<a hx-swap-oob=\"outerHTML:.plan a[href='#{step.anchor}']\" ", 1
            )
            for step in view.steps
            if step.name in known
            and (step.name in self._touched or (ended and step.status in _LEFT))
        ]
        return f"<svg>{''.join(boxes)}</svg>" if boxes else ""

    def _log(self, view: View, data: Mapping[str, Any]) -> str:
        fresh = view.log[self._logged :]
        if not fresh:
            return ""
        rows = [self.site.part("event", self.run, **data, event=event) for event in fresh]
        count = _into(f"{self.anchor}count", f"{len(view.log)} events")
        return f'<div hx-swap-oob="beforeend:#{self.anchor}log">{"".join(rows)}</div>{count}'


_OF_A_TURN = ("said", "waiting", "answer")
_LEFT = frozenset(("not_run", "cancelled", "skipped"))
"""What steps may become by the end of their run, without an event of their own."""

_PLANNERS = frozenset(
    ("plan.patched", "plan.refused", "plan.turn", "model.called", "model.answered", "run.ended")
)


def message(parts: str, seq: int) -> str:
    r"""The parts as one server-sent event; no text in them can end its line and begin another
    field.

    >>> message("<p>a\rid: 9</p>", 7)
    'id: 7\nevent: parts\ndata: <p>a\ndata: id: 9</p>\n\n'
    """
    lines = "".join(f"data: {line}\n" for line in _LINE.split(parts))
    return f"id: {seq}\nevent: parts\n{lines}\n"


def _into(place: str, html: str) -> str:
    return f'<div hx-swap-oob="innerHTML:#{place}">{html}</div>'


def _said(view: View) -> str:
    """The run in a sentence, for who listens to the page."""
    steps = [step for step in view.steps if not step.was]
    ended = sum(step.status not in OPEN for step in steps)
    wrong = sum(step.status in ("failed", "denied", "in_doubt") for step in steps)
    asked = sum(step.status == "asked" for step in steps)
    status = "going on" if view.status == "running" else view.status
    said = f"{status}: {ended} of {len(steps)} steps ended" if steps else status
    said += f", {wrong} went wrong" if wrong else ""
    return said + (f", {asked} need approval" if asked else "")


def _no_inner(step: object) -> None:
    """Runs within runs have pages of their own."""
