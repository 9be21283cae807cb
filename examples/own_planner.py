"""A planner of your own: whatever has `propose` plans. This one needs no model at all.

    python examples/own_planner.py

It listens to recordings, reads pictures, and counts the words of what came out. The engine, the
journal, the check and the limits are the same as for a model's plans.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from agentkit import Agent, Patch, tool
from agentkit.plan.expression import expression
from agentkit.plan.graph import Answer, Call, Node, Ref
from agentkit.plan.problem import Problem
from agentkit.protocols import Brief

DATA = Path(__file__).parent / "data"
READERS = {"audio": "transcribe", "image": "read_image"}
PARAMETERS = {"transcribe": "audio", "read_image": "image"}


@tool(effect="pure")
def count_words(text: str) -> int:
    """The number of words in a text."""
    return len(text.split())


@dataclass(frozen=True, slots=True)
class ReadEverything:
    """Plans one reader for each input, by its media type, and a count of what it read."""

    async def propose(self, brief: Brief) -> AsyncGenerator[Patch | Problem, None]:
        """The whole plan in the first turn; nothing to add in the later ones."""
        if brief.turn:
            return
        counts: list[str] = []
        for name, schema in brief.plan.inputs.items():
            kind = str(schema.get("contentMediaType", "")).partition("/")[0]
            if kind in READERS:
                reader = READERS[kind]
                read, words = f"{name}_read", f"{name}_words"
                nodes: tuple[Node, ...] = (
                    Call(id=read, tool=reader, args={PARAMETERS[reader]: Ref(name)}),
                    Call(id=words, tool="count_words", args={"text": Ref(read, ("text",))}),
                )
                yield Patch(add=nodes)
                counts.append(words)
        total = expression(" + ".join(counts) or "0")
        yield Patch(answer=Answer(text=total))


def main() -> str:
    """Reads a recording and a picture at the same time."""
    agent = Agent(
        model="test:",
        tools=["transcribe", "read_image", count_words],
        planner=ReadEverything(),
        store="memory",
    )
    inputs = {"call": DATA / "call.flac", "menu": DATA / "canteen.png"}
    run = agent.run_sync("Count the words in these files", inputs=inputs)
    for name in ("call_words", "menu_words"):
        print(f"{name}: {run.outcomes[name].value}")
    print(f"in all: {run.answer}")
    return run.answer


if __name__ == "__main__":
    main()
