"""A spoken order, a voucher, a price list, some arithmetic, a written briefing.

    python examples/briefing.py

Anna orders lunch for her team. The agent listens to her, reads her voucher, looks the price up in
the handbook and works out what is left to pay; the briefing goes to briefing.md. The plan is
written by a language model on this machine; no key, no network. A run that was stopped goes on with
`agentkit resume last`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from agentkit import Agent, Event
from agentkit.tools import search

DATA = Path(__file__).parent / "data"
TASK = (
    "Listen to the order, look at the voucher, and work out by our price list what the caller pays "
    "for the lunch, less the voucher."
)

agent = Agent(
    tools=["transcribe", "read_image", search(DATA / "handbook", passages=1), "compute"],
    origin=f"{__file__}:agent",
)


async def main() -> None:
    """Shows the run as it goes on, then writes the briefing."""
    seen: list[Event] = []
    inputs = {"order": DATA / "order.flac", "voucher": DATA / "voucher.png"}
    async with aclosing(agent.stream(TASK, inputs=inputs)) as events:
        async for event in events:
            seen.append(event)
            show(event)
    print("\nAt the same time ran:", ", ".join(f"{a} and {b}" for a, b in together(seen)))
    write(f"# Briefing\n\n{seen[-1].data['answer']}\n\n{sources(seen)}\n")


def write(text: str) -> None:
    """Writes the briefing, and shows it."""
    briefing = Path("briefing.md")
    briefing.write_text(text, "utf-8")
    print(f"\n{briefing}:\n\n{text}")


def show(event: Event) -> None:
    """One line for what matters: each statement of the plan, each node's start and end."""
    if event.type == "plan.patched":
        print(f"  plan   {event.data['source']}", flush=True)
    elif event.type == "node.started":
        print(f"  start  {event.node}", flush=True)
    elif event.type == "node.ended":
        found = event.data.get("value", event.data.get("failure"))
        print(f"  end    {event.node}: {str(found)[:90]}", flush=True)


def together(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Pairs of nodes that ran at once: one started before the other ended."""
    pairs: list[tuple[str, str]] = []
    running: list[str] = []
    for event in events:
        node = event.node or ""
        if event.type == "node.started":
            pairs += [(other, node) for other in running]
            running.append(node)
        elif event.type == "node.ended" and node in running:
            running.remove(node)
    return pairs


def sources(events: Sequence[Event]) -> str:
    """The cited nodes, and the documents that the searches found, as a list."""
    cited = events[-1].data.get("cites")
    named = cited if isinstance(cited, list) else []
    lines = [f"- {name} (a step of the plan)" for name in named]
    for event in events:
        found = event.data.get("value") if event.type == "node.ended" else None
        for hit in found if isinstance(found, list) else []:
            if isinstance(hit, dict) and "source" in hit:
                lines.append(f"- {hit['source']}, {hit['location']} ({event.node})")
    return "Sources:\n\n" + "\n".join(dict.fromkeys(lines))


if __name__ == "__main__":
    asyncio.run(main())
