"""When each step waited, ran and tried again, in parts of the run's whole time.

>>> ticks(7.2)
((0.0, '0'), (27.78, '2 s'), (55.56, '4 s'), (83.33, '6 s'))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from agentkit.report.view import Asked, Span, Step, View

LEAST_PERCENT = 0.25
"""A bar is at least so wide: a step that took no time is still seen."""


class Bar(NamedTuple):
    """A piece of a row: what it is, where it begins and how wide it is, in percent."""

    what: str
    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A step, or what the run itself asked a model."""

    name: str
    anchor: str = ""
    status: str = ""
    seconds: float | None = None
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """All rows in the order in which they began, with the marks of their scale. `stops` are where
    the run was stopped and went on."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    stops: tuple[float, ...]


def waterfall(view: View) -> Waterfall:
    """The rows of the plan's steps and of the run's own calls of models."""
    whole_s = max(view.seconds, 1e-9)
    rows = [(_start(step), row(step, whole_s)) for step in view.steps]
    rows += [(call.span.start_s, _asked(call, whole_s)) for call in view.models]
    rows.sort(key=lambda pair: pair[0])
    stops = tuple(_percent(stop_s, whole_s) for stop_s in view.stops)
    return Waterfall(rows=tuple(row for _, row in rows), ticks=ticks(whole_s), stops=stops)


def row(step: Step, whole_s: float) -> Row:
    """The row of one step on a scale of so many seconds."""
    bars = tuple(_bar(span, whole_s, step.status) for span in step.spans)
    return Row(
        name=step.name, anchor=step.anchor, status=step.status, seconds=step.seconds, bars=bars
    )


def ticks(whole_s: float) -> tuple[tuple[float, str], ...]:
    """Round marks on the scale: where they stand, in percent, and what they say."""
    step_s = next(
        factor * 10.0**power
        for power in range(-6, 9)
        for factor in (1, 2, 5)
        if whole_s / (factor * 10.0**power) <= 5
    )
    count = int(whole_s / step_s) + 1
    return tuple(
        (_percent(number * step_s, whole_s), seconds_text(number * step_s) if number else "0")
        for number in range(count)
    )


def seconds_text(seconds: float) -> str:
    """A duration for people.

    >>> [seconds_text(each) for each in (0.0004, 0.25, 6.4, 83, 7290)]
    ['< 1 ms', '250 ms', '6.4 s', '1 min 23 s', '2 h 1 min']
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _start(step: Step) -> float:
    return next((span.start_s for span in step.spans if span.what != "wait"), float("inf"))


def _asked(call: Asked, whole_s: float) -> Row:
    bar = _bar(call.span, whole_s, "model")
    ended = call.span.end_s
    seconds = None if ended is None else ended - call.span.start_s
    return Row(name=call.purpose or call.call, status="model", seconds=seconds, bars=(bar,))


def _bar(span: Span, whole_s: float, status: str) -> Bar:
    end_s = whole_s if span.end_s is None else min(span.end_s, whole_s)
    left = _percent(min(span.start_s, whole_s), whole_s)
    width = max(_percent(end_s, whole_s) - left, LEAST_PERCENT)
    what = f"run {status}" if span.what == "run" else span.what
    said = {"wait": "waited", "run": "ran", "retry": "waited to try again", "asked": "was asked"}
    title = f"{said[span.what]} {seconds_text(max(0.0, end_s - span.start_s))}"
    return Bar(what, min(left, 100 - LEAST_PERCENT), round(width, 2), title)


def _percent(at_s: float, whole_s: float) -> float:
    return round(100 * at_s / whole_s, 2)
