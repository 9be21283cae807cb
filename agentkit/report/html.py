"""HTML of a run, whole or in parts: templates over its view, every text in it inert and escaped.

No text of a run is ever markup, an attribute or an address: places on the page are numbered, and
classes come from the closed sets of `agentkit.report.view`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from agentkit.budget import Spent
from agentkit.errors import MissingExtra
from agentkit.events import Event
from agentkit.plan.svg import MARKS, Picture, picture
from agentkit.protocols import ArtifactStore
from agentkit.report.chronicle import Chronicle
from agentkit.report.embed import EMBED_BYTES, Embedding
from agentkit.report.preview import Preview, Show, json_preview, preview
from agentkit.report.prose import blocks
from agentkit.report.view import WORDS, Shown, Step, View
from agentkit.report.waterfall import seconds_text, waterfall
from agentkit.text import count_bytes, cut, digest, inert, one_line

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

TEMPLATES = Path(__file__).parent / "templates"


def report(
    events: Sequence[Event],
    *,
    inner: Mapping[str, Sequence[Event]] | None = None,
    artifacts: ArtifactStore | None = None,
    most_bytes: int = EMBED_BYTES,
    made_by: str = "",
) -> str:
    """One run as one HTML page that needs nothing else.

    `inner` are the events of runs within it, by id; they are shown inside of the steps that they
    are. Files up to `most_bytes` are put into the page, larger ones named. `made_by` says what made
    it, for the foot. Raises `MissingExtra`.

    >>> from agentkit.events import Event
    >>> asked = Event("r1", 1, 0.0, "run.created", data={"task": "Is 1 < 2?", "inputs": {}})
    >>> page = report([asked])
    >>> "<h1>Is 1 &lt; 2?</h1>" in page, "<script" in page
    (True, False)
    """
    pages = Pages(Embedding(artifacts, most_bytes), inner=inner or {})
    return pages.page(told(events).view(), made_by=made_by)


def told(events: Sequence[Event], anchor: str = "") -> Chronicle:
    """The chronicle of these events."""
    chronicle = Chronicle(anchor)
    for event in events:
        chronicle.note(event)
    return chronicle


@dataclass(slots=True)
class Pages:
    """Makes pages, and parts of them. `show` says what a page has of a file: its bytes, or an
    address where they are; data of a part may name another one. `inner` are the events of runs
    within runs. Templates in `own` come before those here, and may be named by `part`."""

    show: Show
    inner: Mapping[str, Sequence[Event]] = field(default_factory=dict[str, Sequence[Event]])
    own: tuple[Path, ...] = ()
    _environment: Environment = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._environment = _environment(self.own)
        _names(self._environment).update(inner=self._within, show=self.show)

    def page(self, view: View, *, made_by: str = "") -> str:
        """The whole page of a run, its style in it and nothing outside."""
        from markupsafe import Markup

        style = (TEMPLATES / "style.css").read_text("utf-8")
        hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        own = {"style": Markup(style), "hashed": hashed}
        return self.part("report", view=view, made_by=made_by, **own)

    def step(self, step: Step) -> str:
        """One step: its row, and what it opens to."""
        return self.part("step", step=step)

    def answer(self, view: View) -> str:
        """The answer with its sources, or the error."""
        return self.part("answer", view=view)

    def graph(self, view: View, plan: Picture | None = None) -> str:
        """The plan, drawn; `plan` is its layout where that is known already."""
        return self.part("graph", view=view, plan=plan)

    def waterfall(self, view: View) -> str:
        """When each step waited and ran."""
        return self.part("waterfall", view=view)

    def part(self, name: str, **data: Any) -> str:
        """What the template of this name makes of the data."""
        return self._environment.get_template(f"{name}.html").render(data)

    def _within(self, step: Step) -> View | None:
        """The run that the step is, where its events were given."""
        events = self.inner.get(step.inner) if step.inner else None
        return None if not events else told(events, f"{step.anchor}-").view()


def drawn(view: View, plan: Picture | None = None) -> str:
    """The plan as SVG, each box a link to its step; its colours are the page's."""
    statuses = {step.name: step.status for step in view.steps}
    inputs = {one.name: one.anchor for one in view.inputs}

    def link(name: str) -> str:
        return f"#{view.places.get(name) or inputs.get(name) or f'{view.anchor}answer'}"

    return (plan or picture(view.plan)).svg(statuses, link, style="")


def _environment(own: Sequence[Path]) -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
    except ImportError as error:
        raise MissingExtra("a run as HTML", "jinja2", "page") from error
    from markupsafe import Markup

    def drawn_markup(view: View, plan: Picture | None) -> Markup:
        return Markup(drawn(view, plan))

    def shown(value: object) -> object:
        """Whatever is put into a page, inert; what was made here stays as it is."""
        return value if isinstance(value, Markup) else inert(str(value))

    environment = Environment(
        loader=FileSystemLoader([*own, TEMPLATES]),
        autoescape=True,
        auto_reload=False,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    environment.filters["preview"] = cast("Any", pass_context(_preview))
    _names(environment).update(drawn=drawn_markup, waterfall=waterfall, plan=None)
    return environment


def _names(environment: Environment) -> dict[str, Any]:
    """What every template knows."""
    return cast("dict[str, Any]", environment.globals)


def _filters() -> Mapping[str, Callable[..., Any]]:
    return {
        "blocks": blocks,
        "bytes": count_bytes,
        "cut": cut,
        "event_json": _event_json,
        "gist": _gist,
        "line": _line,
        "mark": _mark,
        "money": _money,
        "seconds": seconds_text,
        "when": _when,
        "word": _word,
    }


def _mark(status: str) -> str:
    return MARKS.get(status, "·")


def _word(status: Shown) -> str:
    return WORDS.get(status, status)


def _preview(context: Context, value: Any, *, files: bool = True) -> Preview:
    return preview(value, context.resolve("show") if files else None, context.get("cuts"))


def _event_json(event: Event) -> Preview:
    return json_preview(dict(event.data))


def _line(text: str, width: int = 120) -> str:
    return one_line(text, width)


def _gist(step: Step) -> str:
    """What came of a step, in a few words."""
    if step.failure is not None:
        return _line(step.failure.message)
    if step.status == "asked" and step.questions:
        return _line(step.questions[-1].why)
    if step.status == "value":
        return digest(step.value, 90) if not isinstance(step.value, str) else _line(step.value, 90)
    return step.progress


def _money(spent: Spent) -> str:
    """What was spent; of an unknown price nothing is claimed."""
    if "usd" not in spent.unknown:
        return f"${spent.usd:.4f}"
    return f"at least ${spent.usd:.4f}" if spent.usd else "unknown"


def _when(seconds: float) -> str:
    """A moment, in UTC. What no calendar has is shown as seconds."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"
