"""A plan as SVG: layers from the inputs down to the answer, with a title and a link per box.

It needs no script and no font of its own; colours follow the light or dark scheme of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from agentkit.plan.drawing import Arrow, Box, drawing
from agentkit.plan.graph import Plan
from agentkit.plan.layout import GAP_Y, HEIGHT, MARGIN, Place, layout
from agentkit.types import Status

CHARACTER = 7.2
"""Pixels of one character at the text's size; boxes are sized before anything is drawn."""

PADDING = 14
MOST_CHARACTERS = 28
MARKS: Mapping[str, str] = {
    "value": "✓", "failed": "✗", "skipped": "–", "cancelled": "■", "denied": "⊘",
    "in_doubt": "?", "running": "▶",
}  # fmt: skip
STYLE = """
text { font: 12px ui-monospace, monospace; fill: #1f2328; text-anchor: middle }
.detail { fill: #59636e }
rect { fill: #ffffff; stroke: #8c959f; stroke-width: 1.2 }
path { fill: none; stroke: #8c959f; stroke-width: 1.2 }
.head { fill: #8c959f; stroke: none }
.guarded { stroke-dasharray: 4 3 }
.input rect, .answer rect { fill: #f0f3f6 }
.guard rect { fill: #fff8e5 }
.value rect { stroke: #1a7f37; stroke-width: 2 }
.failed rect, .denied rect, .in_doubt rect { stroke: #cf222e; stroke-width: 2 }
.skipped rect, .cancelled rect { stroke-dasharray: 5 4 }
.running rect { stroke: #0969da; stroke-width: 2 }
a:focus rect, a:hover rect { stroke-width: 3 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .detail { fill: #9198a1 } rect { fill: #151b23 }
.input rect, .answer rect { fill: #262c36 } .guard rect { fill: #2e2a1f }
}
"""


def svg(
    plan: Plan,
    statuses: Mapping[str, Status | str] | None = None,
    link: Callable[[str], str] | None = None,
) -> str:
    """The drawing as one `<svg>` element; a plan with a cycle is drawn too.

    `statuses` gives a node its class and a mark (`running` besides the ends of a node); `link`
    gives the address behind a node's box, `#name` if it is not given. Every text is escaped.
    """
    drawn = drawing(plan)
    places, ways = layout(drawn, {box.name: _width(box) for box in drawn.boxes})
    ends = statuses or {}
    all_places = [*places.values(), *(place for way in ways for place in way)]
    width = max((place.x + place.width / 2 for place in all_places), default=0) + MARGIN
    height = max((place.y + HEIGHT for place in places.values()), default=0) + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="plan">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
            *(
                _curve(arrow, places[arrow.start], way, places[arrow.end])
                for arrow, way in zip(drawn.arrows, ways, strict=True)
            ),
            *(_box(box, places[box.name], ends.get(box.name, ""), link) for box in drawn.boxes),
            "</svg>",
        ]
    )


def _width(box: Box) -> float:
    longest = max(len(_cut(box.name)) + 2, len(_cut(box.detail)))
    return longest * CHARACTER + 2 * PADDING


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


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
    guarded = ' class="guarded"' if arrow.guard else ""
    label = f"{arrow.start} → {arrow.end}" + (f" ({arrow.guard})" if arrow.guard else "")
    title = f"<title>{escape(label)}</title>"
    return f'<path d="{line}"{guarded} marker-end="url(#head)">{title}</path>'


def _box(box: Box, place: Place, status: str, link: Callable[[str], str] | None) -> str:
    address = escape(link(box.name) if link else f"#{box.name}")
    mark = MARKS.get(status, "")
    title = escape(f"{box.text or box.name}" + (f"\n{status}" if status else ""))
    name = escape(f"{mark} {_cut(box.name)}".strip())
    radius = HEIGHT / 2 if box.kind in ("input", "answer") else 6
    text_y = place.y + (19 if box.detail else 27)
    lines = [f'<text x="{place.x:.1f}" y="{text_y:.1f}">{name}</text>']
    if box.detail:
        detail = f'<text class="detail" x="{place.x:.1f}" y="{place.y + 35:.1f}">'
        lines.append(f"{detail}{escape(_cut(box.detail))}</text>")
    return (
        f'<a href="{address}" class="{escape(f"{box.kind} {status}".strip())}">'
        f"<title>{title}</title>"
        f'<rect x="{place.x - place.width / 2:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{HEIGHT}" rx="{radius:.0f}"/>{"".join(lines)}</a>'
    )
