"""Whether the passage that answers a question is found, on questions about an encyclopedia.

    python benchmarks/search.py [../shared/data] [--check]

The passages are those of xquad's paragraphs (SQuAD v1.1 in English); one is right where it holds
the answer's words. Beside `search`: the same index by meaning alone, by words alone, and with both
joined by their ranks. nDCG@10 is of the paragraphs; the tool may not be worse than words alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from table import Row, exit_code, show

from agentkit.tools import search
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import Index, documents, scan, updated

GOALS = {1: 0.90, 3: 0.98}
"""Of so many first passages one is right, for this share of the questions."""

FIRST = 10
"""Passages that are asked for."""

Hit = tuple[str, str]
"""The document of a passage, and its text."""

Found = Callable[[str], Sequence[Hit]]
"""The first passages for a question."""


def lines_of(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def written(corpus: list[dict[str, Any]], folder: Path) -> None:
    """Each paragraph as a document."""
    for number, one in enumerate(corpus):
        (folder / f"{number:04}.txt").write_text(one["text"], encoding="utf-8")


def ways(folder: Path) -> dict[str, Found]:
    """The tool, and the parts of what it does."""
    place, embedder = folder / ".index", MiniLM()
    tool = search(folder, passages=FIRST, index=place, embedder=embedder)
    ranks = search(folder, passages=FIRST, index=place, embedder=embedder, fusion="ranks")
    index = updated(
        Index(),
        folder,
        scan(folder),
        documents(embedder),
        lambda done, total: None,
        lambda one: None,
    )

    def by_words(question: str) -> list[Hit]:
        shares = index.words.shares(question)
        best = sorted(shares, key=lambda row: (-shares[row], row))[:FIRST]
        return [(name, one.text) for name, one in map(index.passages.__getitem__, best)]

    return {
        "search": lambda question: [(one.source, one.text) for one in tool(query=question)],
        "words and meaning by ranks": lambda question: [
            (one.source, one.text) for one in ranks(query=question)
        ],
        "meaning alone": lambda question: [
            (name, one.text)
            for _, name, one in index.best(
                index.by_meaning(embedder.embed([question]), FIRST), {}, FIRST
            )
        ],
        "words alone": by_words,
    }


def ndcg(hits: Sequence[Hit], right: str) -> float:
    """With one right document: the less, the further down it comes."""
    ranked = [*dict.fromkeys(name for name, _ in hits)]
    return 1 / math.log2(ranked.index(right) + 2) if right in ranked else 0.0


def found_by(data: Path) -> tuple[dict[str, list[Sequence[Hit]]], list[dict[str, Any]]]:
    """What each way finds for each question, whose `right` is the document that answers it."""
    corpus = lines_of(data / "corpus.jsonl.gz")
    documents = {one["id"]: f"{number:04}.txt" for number, one in enumerate(corpus)}
    questions = lines_of(data / "queries.jsonl.gz")
    for one in questions:
        one["right"] = documents[one["relevant"][0]]
    with tempfile.TemporaryDirectory() as name:
        written(corpus, Path(name))
        return {
            way: [ask(one["question"]) for one in questions]
            for way, ask in ways(Path(name)).items()
        }, questions


def rows(data: Path) -> list[Row]:
    place = data / "xquad_en"
    if not place.is_dir():
        return [Row(f"skipped: there is no folder {place}", "")]
    found, questions = found_by(place)
    table: list[Row] = []
    for first, goal in GOALS.items():
        for way, lists in found.items():
            right = sum(
                any(answer in text for _, text in hits[:first] for answer in one["answers"])
                for hits, one in zip(lists, questions, strict=True)
            )
            share = right / len(questions)
            asked = f"{way}: right among the first {first}"
            if way == "search":
                table.append(Row(f"{asked} >= {goal:.0%}", f"{share:.1%}", share >= goal))
            else:
                table.append(Row(asked, f"{share:.1%}"))
    gains = {
        way: sum(ndcg(hits, one["right"]) for hits, one in zip(lists, questions, strict=True))
        / len(questions)
        for way, lists in found.items()
    }
    for way, gain in gains.items():
        ok = gain >= gains["words alone"] if way == "search" else None
        goal_too = " >= words alone" if way == "search" else ""
        table.append(Row(f"{way}: nDCG@{FIRST}{goal_too}", f"{gain:.4f}", ok))
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
