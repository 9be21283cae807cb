"""A run as it is shown, while its events come: one more event changes only what it is about.

>>> told = Chronicle()
>>> told.note(Event("r1", 1, 100.0, "run.created", data={"task": "add", "inputs": {}}))
frozenset()
>>> told.view().task, told.view().status
('add', 'running')
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agentkit.decisions import Decision, Question
from agentkit.events import Event
from agentkit.fold import Fold
from agentkit.plan.graph import Call, Map, Node
from agentkit.report.notes import noted
from agentkit.report.track import Track, above
from agentkit.report.view import Asked, Step, Turn, View
from agentkit.state import caller


@dataclass(slots=True)
class Chronicle:
    """Everything that is known of one run. `anchor` goes before the places of its steps, so that
    several runs may stand on one page.

    A live page calls `note` for each event and renders anew what it names; a report calls `view` at
    the end.
    """

    anchor: str = ""
    folded: Fold = field(default_factory=Fold)
    tracks: dict[str, Track] = field(default_factory=dict[str, Track])
    """By name; one that the plan has no more is called `name (replaced)` or `name (removed)`."""
    blocked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By the step to blame, those that it kept from running."""
    models: dict[str, Asked] = field(default_factory=dict[str, Asked])
    """Calls of models by the run itself."""
    turns: list[Turn] = field(default_factory=lambda: [Turn(number=0)])
    questions: list[Question] = field(default_factory=list[Question])
    decisions: list[Decision] = field(default_factory=list[Decision])
    log: list[Event] = field(default_factory=list[Event])
    stops: list[float] = field(default_factory=list[float])
    writing: str = ""
    """The answer as far as it has been written."""
    began: float = 0.0
    now_s: float = 0.0
    _lost_s: float = 0.0
    _count: int = 0

    def note(self, event: Event) -> frozenset[str]:
        """One more event of the run, a transient one too; the names of the steps that look
        different now."""
        if event.seq:
            self._time(event)
            self.folded.note(event)
            self.log.append(event)
        touched = frozenset(noted(self, event))
        track = self.tracks.get(caller(event.node or ""))
        if event.seq and track is not None:
            track.events.append(event)
        return touched

    def view(self) -> View:
        """The whole run as of now."""
        from agentkit.report.told import view

        return view(self)

    def step(self, name: str) -> Step:
        """One step as of now. Raises `KeyError` for a name that no step has."""
        from agentkit.report.told import step

        return step(self, self.tracks[name])

    def anchor_of(self, name: str) -> str:
        """The place of a step, an input or the answer on the page; empty where there is none."""
        if name in self.tracks:
            return self.tracks[name].anchor
        inputs = list(self.folded.created.get("inputs") or {})
        return f"{self.anchor}i{inputs.index(name) + 1}" if name in inputs else ""

    def track(self, name: str) -> Track:
        """The track of a step, begun if need be, those above it too."""
        if (known := self.tracks.get(name)) is not None:
            return known
        if (known := self.tracks.get(f"{name} (removed)")) is not None:
            return known  # an effect that was removed while it ran still ends
        over = above(name)
        outer = self.track(over) if over else None
        self._count += 1
        node = self.folded.nodes.get(name) if outer is None else _inside(outer.node, name)
        track = Track(name, f"{self.anchor}s{self._count}", self.now_s, node, over)
        track.turn = self.turns[-1].number
        self.tracks[name] = track
        if outer is not None:
            outer.inside.append(name)
        return track

    def set_aside(self, name: str, was: str) -> None:
        """A step that the plan has no more stays in sight under another name, without what was in
        it."""
        track = self.tracks.pop(name, None)
        if track is None:
            return
        track.name, number = f"{name} ({was})", 1
        while track.name in self.tracks:
            number += 1
            track.name = f"{name} ({was} {number})"
        track.was = was
        track.close(self.now_s)
        self.tracks[track.name] = track
        for inner in track.inside:
            for call in self.tracks.pop(inner).inside:
                del self.tracks[call]
        track.inside = []

    def _time(self, event: Event) -> None:
        if event.type == "run.created":
            self.began = event.time
        elif event.type == "run.resumed":
            self._lost_s = event.time - self.began - self.now_s
            self.stops.append(self.now_s)
        self.now_s = max(self.now_s, event.time - self.began - self._lost_s)


def _inside(node: Node | Call | None, name: str) -> Node | Call | None:
    """The call of a map's body that a name like `notes[3].summarize_1` means."""
    if name.endswith("]") or not isinstance(node, Map):
        return node
    _, _, called = name.rpartition("].")
    return next((call for call in node.body if call.id == called), None)
