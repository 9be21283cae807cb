"""Whether the passage that answers a question is found, on questions about an encyclopedia.

    python benchmarks/search.py [../shared/data] [--check]

The passages are those of xquad's paragraphs (SQuAD v1.1 in English); one is right where it holds
the answer's words. Beside `search`: the same index by meaning alone and by words alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from table import Row, exit_code, show

from agentkit.tools import search
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import Index, scan, updated
from agentkit.tools.words import Words

GOALS = {1: 0.90, 3: 0.98}
"""Of so many first passages one is right, for this share of the questions."""

Found = Callable[[str], Sequence[str]]
"""The texts of the first passages for a question."""


def lines_of(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def written(corpus: list[dict[str, Any]], folder: Path) -> None:
    """Each paragraph as a document."""
    for number, one in enumerate(corpus):
        (folder / f"{number:04}.txt").write_text(one["text"], encoding="utf-8")


def ways(folder: Path) -> dict[str, Found]:
    """The tool, and the halves of what it does."""
    embedder, most = MiniLM(), max(GOALS)
    tool = search(folder, passages=most, index=folder / ".index", embedder=embedder)
    index = updated(Index(), folder, scan(folder), embedder, lambda done, total: None)
    words = Words(one.text for _, one in index.passages)

    def by_words(question: str) -> list[str]:
        shares = words.shares(question)
        return [index.passages[row][1].text for row in sorted(shares, key=lambda r: -shares[r])]

    return {
        "search": lambda question: [one.text for one in tool(query=question)],
        "by meaning alone": lambda question: [
            one.text for _, _, one in index.nearest(embedder.embed([question]), {}, most)
        ],
        "by words alone": by_words,
    }


def rows(data: Path) -> list[Row]:
    place = data / "xquad_en"
    if not place.is_dir():
        return [Row(f"skipped: there is no folder {place}", "")]
    questions = lines_of(place / "queries.jsonl.gz")
    with tempfile.TemporaryDirectory() as name:
        written(lines_of(place / "corpus.jsonl.gz"), Path(name))
        found = {
            way: [ask(one["question"]) for one in questions]
            for way, ask in ways(Path(name)).items()
        }
    table: list[Row] = []
    for first, goal in GOALS.items():
        for way, lists in found.items():
            right = sum(
                any(answer in text for text in texts[:first] for answer in one["answers"])
                for texts, one in zip(lists, questions, strict=True)
            )
            share = right / len(questions)
            asked = f"{way}: right among the first {first}"
            if way == "search":
                table.append(Row(f"{asked} >= {goal:.0%}", f"{share:.1%}", share >= goal))
            else:
                table.append(Row(asked, f"{share:.1%}"))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description="passages that answer questions")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    table = rows(given.data)
    show("Search", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
