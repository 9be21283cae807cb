"""A run in plain lines: one for each event worth telling, and the rows of a live display."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentkit.cli.progress import Progress, Row, error_of
from agentkit.document import text_of
from agentkit.events import Event
from agentkit.text import inert, one_line
from agentkit.types import Json

GLYPHS = {
    "wait": "∙",
    "run": "▶",
    "ok": "✓",
    "fail": "✗",
    "skip": "↷",
    "stop": "■",
    "deny": "⊘",
    "doubt": "?",
}


def plain(progress: Progress, event: Event) -> Iterator[str]:
    """The lines for an event, given the progress after it. Each starts with a word for its kind.

    Transient events (text as it is written, how far a call is) have none.
    """
    family = event.type.partition(".")[0]
    if family == "node" and event.node is not None:
        yield from _of_node(progress, event, event.node)
    elif family == "plan":
        yield from _of_plan(progress, event)
    elif event.type == "model.answered":
        purpose, seconds = _wrote(event), _seconds(event.data.get("seconds"))
        yield _line("model", purpose, seconds)
    elif event.type == "run.ended":
        yield _line("end", progress.status, progress.error or footer(progress))
    elif family == "run":
        word = "start" if event.type == "run.created" else "resume"
        yield _line(word, event.run, one_line(text_of(event.data.get("task"))))


def rows(progress: Progress, now: float) -> Iterator[tuple[str, str, str, str, str]]:
    """For each node: glyph, node, what it calls, what came of it, seconds (running ones count)."""
    for row in progress.rows.values():
        seconds = row.seconds
        if row.state == "run" and row.since is not None:
            seconds = max(0.0, now - row.since)
        shown = "" if seconds is None else f"{seconds:.1f} s"
        yield GLYPHS[row.state], inert(row.node), row.what, _about(progress, row), shown


def headline(progress: Progress) -> str:
    """How many steps there are, and what the model is at."""
    count = len(progress.rows)
    ready = sum(row.state == "run" for row in progress.rows.values())
    steps = f"{count} step{'' if count == 1 else 's'}, {ready} running"
    return f"{steps}; the model writes: {progress.thinking}" if progress.thinking else steps


def footer(progress: Progress, now: float = 0.0) -> str:
    """`round 2 · 2,310 tok · $0.0040 · 8 s`; money only where its price is known.

    Seconds count to `now` while the run goes on, else to its last event.
    """
    elapsed_s = progress.elapsed_s
    if progress.status == "running" and progress.began is not None:
        elapsed_s = max(elapsed_s, now - progress.began)
    parts = [f"round {progress.turn + 1}", f"{progress.tokens:,} tok"]
    if progress.cost_usd is not None:
        parts.append(f"${progress.cost_usd:.4f}")
    parts.append(f"{elapsed_s:.1f} s")
    return " · ".join(parts)


def blocked_by(progress: Progress, node: str) -> list[str]:
    """The nodes that were skipped because this one failed."""
    return [row.node for row in progress.rows.values() if row.cause == node]


def _about(progress: Progress, row: Row) -> str:
    if row.state == "run" and row.total and not row.detail:
        return f"{row.done} of {row.total}"
    blocked = blocked_by(progress, row.node) if row.state == "fail" else []
    return f"{row.detail}   blocks {', '.join(blocked)}" if blocked else row.detail


def _of_node(progress: Progress, event: Event, name: str) -> Iterator[str]:
    data = event.data
    if event.type == "node.retried":
        yield _line("retry", name, error_of(data.get("error")))
    elif "[" in name:
        # The elements of a map are counted in its row; only what went wrong in one is told.
        if event.type == "node.ended" and data.get("failure"):
            yield _line("fail", name, error_of(data.get("failure")))
    elif event.type == "node.started":
        yield _line("run", name, progress.rows[name].what)
    elif event.type == "node.ended":
        row = progress.rows[name]
        yield _line(row.state, name, row.detail, _seconds(data.get("seconds")))


def _of_plan(progress: Progress, event: Event) -> Iterator[str]:
    if event.type == "plan.refused":
        for problem in _listed(event.data.get("problems")):
            yield _line("refuse", _problem(problem))
    patch = event.data.get("patch") if event.type == "plan.patched" else None
    for node in _listed(patch.get("add") if isinstance(patch, dict) else None):
        row = progress.rows[text_of(node.get("id"))]
        yield _line("plan", row.node, row.what)


def _wrote(event: Event) -> str:
    """What a model call was for: its id is `{node or purpose}/model_{n}`."""
    return (event.node or "").partition("/")[0]


def _problem(problem: Mapping[str, Json]) -> str:
    expected, found = text_of(problem.get("expected")), text_of(problem.get("found"))
    return one_line(f"{text_of(problem.get('code'))}: expected {expected}; found {found}", 200)


def _listed(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _seconds(value: Json) -> str:
    return f"{value:.1f} s" if isinstance(value, int | float) else ""


def _line(word: str, *parts: str) -> str:
    return "  ".join((f"{word:<6}", *(inert(part) for part in parts if part)))
