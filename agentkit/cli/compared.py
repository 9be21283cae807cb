"""Two runs side by side, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentkit.document import plan_text
from agentkit.events import Event
from agentkit.fold import fold
from agentkit.messages import Usage
from agentkit.plan.graph import apply
from agentkit.text import arguments, digest, inert, one_line

if TYPE_CHECKING:
    from agentkit.diff import NodeDiff, RunDiff, Side


def lines(found: RunDiff) -> Iterator[str]:
    """What differs, `-` of the first run and `+` of the second; what each spent."""
    yield f"- run {inert(found.runs[0])}"
    yield f"+ run {inert(found.runs[1])}"
    if found.same:
        yield "same plan, same nodes, same answer"
    if found.plan:
        yield from ("", "plan", *(f"  {inert(line)}" for line in found.plan))
    if found.nodes:
        yield from ("", "nodes")
        for node in found.nodes:
            yield f"  {inert(node.node)}"
            yield from (f"    {line}" for line in _node(node))
    if found.answers[0] != found.answers[1]:
        yield from ("", "answer")
        for mark, answer in zip("-+", found.answers, strict=True):
            yield f"  {mark} {'none' if answer is None else one_line(answer, 200)}"
    yield from ("", "usage")
    for mark, usage in zip("-+", found.usage, strict=True):
        yield f"  {mark} {_usage(usage)}"


def patched(events: Sequence[Event]) -> str:
    """A run's plan as it was written; each change of what stood before as a diff."""
    from agentkit.diff import plan_diff
    from agentkit.plan.jsonform import patch_from_json

    plan, written = fold(events[:1]).plan, list[str]()
    for event in events:
        if event.type == "plan.patched":
            patch = patch_from_json(event.data["patch"])
            before, plan = plan, apply(plan, patch)
            if patch.replace or patch.remove:
                written += [line for line in plan_diff(before, plan) if line[0] in "-+"]
            else:
                written += [plan_text([event])]
    return "\n".join(text for text in written if text)


def _node(node: NodeDiff) -> Iterator[str]:
    for mark, side in (("-", node.before), ("+", node.after)):
        called = f"{_call(side)} " if node.given else ""
        yield f"{mark} {called}{_end(side)}"


def _call(side: Side) -> str:
    args = side.args if isinstance(side.args, dict) else {}
    return "" if side.tool is None else f"{side.tool}({arguments(args, 100)})"


def _end(side: Side) -> str:
    end = side.outcome
    if end is None:
        return "not there"
    if end.failure is not None:
        return one_line(f"{end.status}: {end.failure.message}", 160)
    return f"= {digest(end.value, 160)}"


def _usage(usage: Usage) -> str:
    cost = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd}"
    tokens = f"{usage.input_tokens:,} tokens read, {usage.output_tokens:,} written"
    return f"{usage.calls} model calls, {tokens}" + (f", {cost}" if usage.calls else "")
