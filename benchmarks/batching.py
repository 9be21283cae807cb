"""What it saves that calls which meet are made as one: a map over 64 items, in batches and not.

    python benchmarks/batching.py [../shared/data] [--check]

Each tool is run twice over the same items by the engine: as it is, and with batches of one, which
is one call after the other. How much a batch saves is a question of the model and the machine: what
a call costs before it computes anything is paid once. A processor that has enough to do with one
item gains nothing; so sentences and recordings are told beside names, and have no goal.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any, cast

from table import Row, exit_code, show

from agentkit.artifacts import FolderArtifacts
from agentkit.engine.limits import Limits
from agentkit.engine.scheduler import Scheduler
from agentkit.errors import AgentkitError
from agentkit.media import Artifact
from agentkit.plan.graph import Call, Map, Ref
from agentkit.state import RunState
from agentkit.tool import Tool, tool
from agentkit.tools import transcribe
from agentkit.tools.embed import MiniLM
from agentkit.types import Json

COUNT = 64
LEAST = 3.0
COLOURS = ("black", "blue", "brown", "green", "grey", "orange", "red", "yellow")
THINGS = ("apple", "bicycle", "candle", "dog", "envelope", "fish", "guitar", "house")
NAMES = [f"{colour} {thing}" for colour, thing in product(COLOURS, THINGS)]


def embed_tool() -> Tool[..., Any]:
    """The embedding model as a tool."""
    model = MiniLM()

    @tool(effect="pure", batch=COUNT)
    def embed(text: Sequence[str]) -> list[list[float]]:
        """The vector of a text."""
        return model.embed(text)

    return embed


async def seconds(made: Tool[..., Any], items: Sequence[Json], store: FolderArtifacts) -> float:
    """Wall time of a map of the tool over the items."""
    (parameter,) = cast("dict[str, Json]", made.input_schema["properties"])
    engine = Scheduler(
        tools={made.name: made},
        record=lambda kind, node, data: None,
        artifacts=store,
        state=RunState(run="run", inputs={"items": [*items]}),
        limits=Limits(threads=2),
    )
    call = Call(id="c", tool=made.name, args={parameter: Ref("x")})
    begun = time.perf_counter()
    async with engine:
        engine.add([Map(id="m", over=Ref("items"), var="x", body=(call,), value=Ref("c"))])
        await engine.settled()
    spent = time.perf_counter() - begun
    failed = [end.failure for end in engine.outcomes.values() if end.failure is not None]
    assert not failed, failed[0]
    return spent


async def compared(
    made: Tool[..., Any], items: Sequence[Json], store: FolderArtifacts, rounds: int
) -> tuple[float, float]:
    """Milliseconds an item one by one and together: the best of several, in turn."""
    alone = replace(made, batch=1) if made.batch else replace(made, concurrency=1)
    await seconds(made, items[:1], store)  # loads the model
    singly: list[float] = []
    together: list[float] = []
    for _ in range(rounds):
        singly.append(await seconds(alone, items, store))
        together.append(await seconds(made, items, store))
    return 1000 * min(singly) / len(items), 1000 * min(together) / len(items)


def row(what: str, singly_ms: float, together_ms: float, *, goal: bool) -> Row:
    ratio = singly_ms / together_ms
    figure = f"{ratio:.1f} ({singly_ms:.1f} and {together_ms:.1f} ms an item)"
    if goal:
        return Row(f"{what}: one by one / together >= {LEAST:g}", figure, ratio >= LEAST)
    return Row(f"{what}: one by one / together", figure)


def json_of(handle: Artifact) -> Json:
    return {
        "sha256": handle.sha256,
        "media_type": handle.media_type,
        "size_bytes": handle.size_bytes,
        "name": handle.name,
    }


def pictures(store: FolderArtifacts, folder: Path) -> list[Json]:
    """Coloured shapes on white, 128 pixels square."""
    from PIL import Image, ImageDraw

    found: list[Json] = []
    for number, (colour, corners) in enumerate(product(COLOURS, range(3, 3 + len(THINGS)))):
        picture = Image.new("RGB", (128, 128), "white")
        ImageDraw.Draw(picture).regular_polygon((64, 64, 50), corners, fill=colour)
        picture.save(file := folder / f"{number}.png")
        found.append(json_of(store.put_file(file)))
    return found


async def labels(store: FolderArtifacts, folder: Path, rounds: int) -> list[Row]:
    """`label_image` over pictures, where it and its model are there."""
    what = f"label, {COUNT} pictures"
    try:
        made = importlib.import_module("agentkit.tools.label_image").label_image(NAMES)
        singly, together = await compared(made, pictures(store, folder), store, rounds)
    except (ImportError, AgentkitError) as error:
        return [Row(f"{what}: skipped, {error}", "")]
    return [row(what, singly, together, goal=True)]


async def texts(data: Path, store: FolderArtifacts, rounds: int) -> list[Row]:
    """The embedding model over names, and over questions."""
    embed = embed_tool()
    found = [
        row(f"embed, {COUNT} names", *await compared(embed, [*NAMES], store, rounds), goal=True)
    ]
    file = data / "xquad_en" / "queries.jsonl.gz"
    if file.is_file():
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            asked: list[Json] = [json.loads(line)["question"] for line in islice(lines, COUNT)]
        figures = await compared(embed, asked, store, rounds)
        found.append(row(f"embed, {COUNT} questions", *figures, goal=False))
    return found


async def speech(data: Path, store: FolderArtifacts) -> list[Row]:
    """`transcribe`, which has no batches: recordings side by side."""
    files = sorted((data / "speech").glob("spk1_*.wav"))
    if not files:
        return [Row(f"skipped: there are no recordings in {data / 'speech'}", "")]
    handles = [json_of(store.put_file(file)) for file in islice(cycle(files), COUNT)]
    figures = await compared(transcribe(threads=1), handles, store, 1)
    return [row(f"transcribe, {COUNT} recordings, two side by side", *figures, goal=False)]


async def rows(data: Path, rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = FolderArtifacts(folder / "artifacts")
        return [
            *await texts(data, store, rounds),
            *await labels(store, folder, rounds),
            *await speech(data, store),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description="what micro-batching saves")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    table = asyncio.run(rows(given.data, given.rounds))
    show("Micro-batching", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
