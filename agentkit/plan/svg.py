"""A plan as SVG: layers from the inputs down to the answer, with a title and a link per box.

It needs no script and no font of its own; colours follow the light or dark scheme of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from agentkit.plan.drawing import Arrow, Box, Drawing, drawing
from agentkit.plan.graph import Plan
from agentkit.plan.layout import GAP_Y, HEIGHT, MARGIN, Layout, Place, layout
from agentkit.text import inert
from agentkit.types import Status

CHARACTER = 7.2
"""Pixels of one character at the text's size; boxes are sized before anything is drawn."""

PADDING = 14
MOST_CHARACTERS = 28
MOST_OF_A_TITLE = 400
MARKS: Mapping[str, str] = {
    "value": "✓", "failed": "✗", "skipped": "–", "cancelled": "■", "denied": "⊘",
    "in_doubt": "?", "running": "▶", "retrying": "↻", "asked": "◆",
}  # fmt: skip
STYLE = """
.plan text { font: 12px ui-monospace, monospace; fill: #1f2328; text-anchor: middle }
.plan .detail { fill: #59636e }
.plan rect { fill: #ffffff; stroke: #8c959f; stroke-width: 1.2 }
.plan path { fill: none; stroke: #8c959f; stroke-width: 1.2 }
.plan .guarded { stroke-dasharray: 4 3 }
.plan .input rect, .plan .answer rect { fill: #f0f3f6 }
.plan .guard rect { fill: #fff8e5 }
.plan .value rect { stroke: #1a7f37; stroke-width: 2 }
.plan .failed rect, .plan .denied rect, .plan .in_doubt rect { stroke: #cf222e; stroke-width: 2 }
.plan .skipped rect, .plan .cancelled rect { stroke-dasharray: 5 4 }
.plan .running rect, .plan .retrying rect { stroke: #0969da; stroke-width: 2 }
.plan .asked rect { stroke: #9a6700; stroke-width: 2 }
.plan a:focus rect, .plan a:hover rect { stroke-width: 3 }
@media (prefers-color-scheme: dark) {
.plan text { fill: #f0f6fc } .plan .detail { fill: #9198a1 } .plan rect { fill: #151b23 }
.plan .input rect, .plan .answer rect { fill: #262c36 } .plan .guard rect { fill: #2e2a1f }
}
"""

Link = Callable[[str], str]


def here(name: str) -> str:
    """The address of a box where nobody says another: a place on the same page."""
    return f"#{name}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A plan laid out once: what stands where. Its boxes can be drawn again one by one."""

    drawn: Drawing
    layout: Layout

    def svg(
        self, statuses: Mapping[str, Status | str], link: Link = here, *, style: str = STYLE
    ) -> str:
        """The whole drawing as one `<svg class="plan">`; `style` is the sheet that it brings."""
        places, ways = self.layout
        all_places = [*places.values(), *(place for way in ways for place in way)]
        width = max((place.x + place.width / 2 for place in all_places), default=0) + MARGIN
        height = max((place.y + HEIGHT for place in places.values()), default=0) + MARGIN
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
                f'width="{width:.0f}" height="{height:.0f}" class="plan" role="group" '
                'aria-label="plan">',
                *([f"<style>{style}</style>"] if style else []),
                *(
                    _curve(arrow, places[arrow.start], way, places[arrow.end])
                    for arrow, way in zip(self.drawn.arrows, ways, strict=True)
                ),
                *(
                    _box(box, places[box.name], statuses.get(box.name, ""), link(box.name))
                    for box in self.drawn.boxes
                ),
                "</svg>",
            ]
        )

    def box(self, name: str, status: Status | str = "", link: Link = here) -> str:
        """The `<a>` of one box, as it stands in the whole drawing. Raises `KeyError`."""
        box = next((box for box in self.drawn.boxes if box.name == name), None)
        if box is None:
            raise KeyError(name)
        return _box(box, self.layout.places[name], status, link(name))


def picture(plan: Plan) -> Picture:
    """The plan laid out; one with a cycle is laid out too."""
    drawn = drawing(plan)
    return Picture(drawn, layout(drawn, {box.name: _width(box) for box in drawn.boxes}))


def svg(
    plan: Plan,
    statuses: Mapping[str, Status | str] | None = None,
    link: Link | None = None,
) -> str:
    """The drawing as one `<svg>` element; a plan with a cycle is drawn too.

    `statuses` gives a node its class and a mark (`running`, `retrying` and `asked` besides the ends
    of a node); `link` gives the address behind a node's box, `#name` if it is not given. Every text
    is escaped, and inert.
    """
    return picture(plan).svg(statuses or {}, link or here)


def _width(box: Box) -> float:
    longest = max(len(_cut(box.name)) + 2, len(_cut(box.detail)))
    return longest * CHARACTER + 2 * PADDING


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    shown = inert(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _curve(arrow: Arrow, start: Place, way: Sequence[Place], end: Place) -> str:
    """From the foot of one box to the head of another, straight down where others stand beside."""
    x, y = start.x, start.y + HEIGHT
    line = f"M{x:.1f} {y:.1f}"
    for stop in (*way, end):
        bend = max(GAP_Y / 2, abs(stop.y - y) / 2)
        line += (
            f"C{x:.1f} {y + bend:.1f} {stop.x:.1f} {stop.y - bend:.1f} {stop.x:.1f} {stop.y:.1f}"
        )
        x, y = stop.x, stop.y
        if stop is not end:
            y += HEIGHT
            line += f"V{y:.1f}"
    line += f"m-4 -6L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 6:.1f}"
    guarded = ' class="guarded"' if arrow.guard else ""
    names = f"{_cut(arrow.start)} → {_cut(arrow.end)}"
    title = escape(f"{names} ({arrow.guard})" if arrow.guard else names)
    return f'<path d="{line}"{guarded}><title>{title}</title></path>'


def _box(box: Box, place: Place, status: str, address: str) -> str:
    mark = MARKS.get(status, "")
    text = _cut(box.text or box.name, MOST_OF_A_TITLE)
    title = escape(f"{text}\n{status}" if status else text)
    name = escape(f"{mark} {_cut(box.name)}".strip())
    radius = HEIGHT / 2 if box.kind in ("input", "answer") else 6
    text_y = place.y + (19 if box.detail else 27)
    lines = [f'<text x="{place.x:.1f}" y="{text_y:.1f}">{name}</text>']
    if box.detail:
        detail = f'<text class="detail" x="{place.x:.1f}" y="{place.y + 35:.1f}">'
        lines.append(f"{detail}{escape(_cut(box.detail))}</text>")
    return (
        f'<a href="{escape(address)}" class="{escape(f"{box.kind} {status}".strip())}">'
        f"<title>{title}</title>"
        f'<rect x="{place.x - place.width / 2:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{HEIGHT}" rx="{radius:.0f}"/>{"".join(lines)}</a>'
    )
