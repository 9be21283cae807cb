"""Whether our CLIP knows which words fit which drawing, on drawings that it was not trained on.

    python benchmarks/clip.py [--check] [--model FOLDER]

Three parts: drawings of things that it saw in another style (pair), of things it never saw (name),
and of a fourth set, in a style that it never saw. A hit is the picture's own name among all names
of its part; of the style never seen also one of the labels that `label_image` has by itself. The
drawings are made by `python -m training.drawings`; without them there is nothing to measure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from table import Row, exit_code, show

from agentkit.models.place import cache_folder
from agentkit.tools.clip import CLIP, DEFAULT
from agentkit.tools.label_image import everyday

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.drawings import Drawings, load, load_unseen  # noqa: E402 - from beside agentkit

GOALS = {
    "known thing, new style of ours": 0.25,
    "thing never seen": 0.12,
    "style never seen": 0.18,
}
"""Recall@1 from picture to text: a little under what was measured first, to notice when it becomes
worse. By chance it is a hundredth of that, or a tenth."""

LABELS_GOAL = 0.30
"""Of the pictures in a style never seen that show an everyday thing, labelled so."""

GROUPS = {
    "face": "a smiling face", "person": "a person", "nature": "an animal or a plant",
    "food": "food or a drink", "place": "a building or a vehicle", "symbol": "a symbol",
}  # fmt: skip


def vectors(clip: CLIP, drawings: Drawings, rows: Sequence[int]) -> NDArray[Any]:
    """Of the pictures: float32, shape (n, dimensions)."""
    from PIL import Image

    found = clip.embed_pictures([Image.fromarray(drawings.pixels[row]) for row in rows])
    return np.asarray(found, dtype=np.float32)


def recalls(scores: NDArray[Any], right: NDArray[np.bool_], first: int) -> float:
    """The share of rows that have a right column among their `first` best."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :first]
    return float(np.take_along_axis(right, best, axis=1).any(axis=1).mean())


def part(clip: CLIP, what: str, drawings: Drawings, rows: Sequence[int]) -> Iterator[Row]:
    """Recall in both directions; a name is right for each of its pictures."""
    names = sorted({drawings.all[row].name for row in rows})
    texts = np.asarray(clip.embed(names), dtype=np.float32)
    scores = vectors(clip, drawings, rows) @ texts.T
    own = np.array([[drawings.all[row].name == name for name in names] for row in rows])
    size = f"{what} ({len(rows)} pictures, {len(names)} names)"
    for way, found, right in (
        ("picture to text", scores, own), ("text to picture", scores.T, own.T),
    ):  # fmt: skip
        chance = float(right.mean(axis=1).mean())
        one, five = recalls(found, right, 1), recalls(found, right, 5)
        goal = GOALS[what] if way == "picture to text" else None
        told = "" if goal is None else f" >= {goal:.0%}"
        yield Row(
            f"{size}, {way}: recall@1{told}",
            f"{one:.1%} (by chance {chance:.1%})",
            None if goal is None else one >= goal,
        )
        yield Row(f"{size}, {way}: recall@5", f"{five:.1%}")


def labelled(clip: CLIP, drawings: Drawings) -> Iterator[Row]:
    """Zero-shot labels of a style never seen: everyday things, and what kind of thing it is."""
    words = dict(zip(everyday(), everyday(), strict=True))
    yield _hits(clip, drawings, words, "name", "everyday things", LABELS_GOAL)
    yield _hits(clip, drawings, GROUPS, "group", "six kinds of things")


def _hits(
    clip: CLIP, drawings: Drawings, labels: dict[str, str], field: str, what: str,
    goal: float | None = None,
) -> Row:  # fmt: skip
    kinds = [*labels]
    rows = [row for row, one in enumerate(drawings.all) if getattr(one, field) in labels]
    texts = np.asarray(clip.embed([*labels.values()]), dtype=np.float32)
    best: list[int] = (vectors(clip, drawings, rows) @ texts.T).argmax(axis=1).tolist()
    hits = [
        kinds[n] == getattr(drawings.all[row], field) for n, row in zip(best, rows, strict=True)
    ]
    share = float(np.mean(hits))
    told = "" if goal is None else f" >= {goal:.0%}"
    return Row(
        f"style never seen, {len(kinds)} labels ({what}), {len(rows)} pictures: right{told}",
        f"{share:.1%} (by chance {1 / len(kinds):.1%})",
        None if goal is None else share >= goal,
    )


def rows(model: str | Path) -> list[Row]:
    place = cache_folder().parent / "drawings"
    if not all((place / name).exists() for name in ("drawings.npz", "unseen.npz")):
        return [Row(f"skipped: no drawings in {place}; python -m training.drawings makes them", "")]
    clip, ours, fourth = CLIP(model), load(), load_unseen()
    table = [
        *part(clip, "known thing, new style of ours", ours, ours.rows("pair").tolist()),
        *part(clip, "thing never seen", ours, ours.rows("name").tolist()),
        *part(clip, "style never seen", fourth, [*range(len(fourth.all))]),
        *labelled(clip, fourth),
    ]
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description="which words fit which drawing")
    parser.add_argument("--model", type=Path, help="the folder of another checkpoint of CLIP")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    table = rows(given.model or DEFAULT)
    show("Words and drawings", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
