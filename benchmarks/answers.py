"""Questions about an encyclopedia, answered by `rag` and by the model alone; and refused.

    python benchmarks/answers.py [../shared/data] [--questions 12] [--model NAME] [--check]

Exact match and F1 as SQuAD counts them, on questions of all articles. A question is unanswerable
where its article is removed from the folder: then an answer that is not a refusal is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import string
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search import lines_of, written
from table import Row, exit_code, show

from agentkit import Agent
from agentkit.messages import Message, Request
from agentkit.models import complete, model
from agentkit.planners import Fixed
from agentkit.tools import rag
from agentkit.tools.embed import MiniLM

PLAN = Fixed("found = rag(question=asked)\nanswer(f'{found.text}')")
REFUSED = 0.7
"""Of the unanswerable questions, at least."""
ALONE = (
    "Answer the question in as few words as possible: a name, a number, a date or a short phrase."
)


class Remembering:
    """MiniLM, which reads a text once: articles come and go."""

    name, dimensions = MiniLM.name, MiniLM.dimensions

    def __init__(self) -> None:
        self._model = MiniLM()
        self._known: dict[str, Sequence[float]] = {}

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        new = [*dict.fromkeys(text for text in texts if text not in self._known)]
        self._known |= zip(new, self._model.embed(new), strict=True)
        return [self._known[text] for text in texts]


def plain(text: str) -> list[str]:
    """Words without articles, case and punctuation, as SQuAD compares them."""
    bare = "".join(one for one in text.lower() if one not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


def exact(text: str, answers: Sequence[str]) -> bool:
    return any(plain(text) == plain(answer) for answer in answers)


def f1(text: str, answers: Sequence[str]) -> float:
    return max(_f1(plain(text), plain(answer)) for answer in answers)


def _f1(found: list[str], right: list[str]) -> float:
    common = sum((Counter(found) & Counter(right)).values())
    return 2 * common / (len(found) + len(right)) if common else 0.0


class Trial:
    """The documents, and the model that is asked about them."""

    def __init__(self, folder: Path, corpus: list[dict[str, Any]], name: str) -> None:
        self._docs = folder / "docs"
        self._docs.mkdir()
        self._corpus = corpus
        self._model = model(name)
        tool = rag(self._docs, index=folder / "index", embedder=Remembering())
        self._agent = Agent(model=self._model, tools=[tool], planner=PLAN, store="memory")

    async def answer(self, question: str, without: str = "") -> dict[str, Any]:
        """What `rag` gives, with all articles but one."""
        for path in self._docs.iterdir():
            path.unlink()
        written([one for one in self._corpus if one["title"] != without], self._docs)
        run = await self._agent.run(question, inputs={"asked": question})
        value: dict[str, Any] = run.outcomes["found"].value  # type: ignore[assignment]
        return value

    async def alone(self, question: str) -> str:
        """What the model says of itself."""
        turns = (Message("system", ALONE), Message("user", question))
        return (await complete(self._model, Request(messages=turns, max_tokens=60))).text


async def asked(trial: Trial, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each question with the three answers to it."""
    for number, one in enumerate(questions, start=1):
        start = time.monotonic()
        one["grounded"] = await trial.answer(one["question"])
        one["unanswerable"] = await trial.answer(one["question"], one["title"])
        one["alone"] = await trial.alone(one["question"])
        told = [one[way]["text"] for way in ("grounded", "unanswerable")]
        print(
            f"{number}/{len(questions)} {time.monotonic() - start:.0f} s {one['question']} "
            f"{one['answers'][0]!r}: {told[0]!r}; article gone: {told[1]!r}; "
            f"alone: {one['alone']!r}",
            file=sys.stderr,
            flush=True,
        )
    return questions


def table_of(questions: list[dict[str, Any]]) -> list[Row]:
    def share(values: Sequence[float]) -> float:
        return sum(values) / len(questions)

    ways = {
        "with retrieval": [one["grounded"]["text"] for one in questions],
        "the model alone": [one["alone"] for one in questions],
    }
    answers = [one["answers"] for one in questions]
    matches = {way: share([*map(exact, texts, answers)]) for way, texts in ways.items()}
    overlaps = {way: share([*map(f1, texts, answers)]) for way, texts in ways.items()}
    better = overlaps["with retrieval"] > overlaps["the model alone"]
    cited = share([_cites_one(one["grounded"]["citations"], one["answers"]) for one in questions])
    refused = share([not one["unanswerable"]["found"] for one in questions])
    wrongly = share([not one["grounded"]["found"] for one in questions])
    return [
        Row("questions", f"{len(questions)}"),
        *(Row(f"{way}: exact match", f"{matches[way]:.0%}") for way in ways),
        Row("the model alone: F1", f"{overlaps['the model alone']:.2f}"),
        Row("with retrieval: F1, more than that", f"{overlaps['with retrieval']:.2f}", better),
        Row("a cited passage holds the answer", f"{cited:.0%}"),
        Row("refused though answerable", f"{wrongly:.0%}"),
        Row(f"unanswerable and refused >= {REFUSED:.0%}", f"{refused:.0%}", refused >= REFUSED),
    ]


def _cites_one(citations: list[dict[str, Any]], answers: list[str]) -> bool:
    return any(answer in hit["text"] for hit in citations for answer in answers)


def rows(data: Path, count: int, name: str) -> list[Row]:
    place = data / "xquad_en"
    if not place.is_dir():
        return [Row(f"skipped: there is no folder {place}", "")]
    corpus = lines_of(place / "corpus.jsonl.gz")
    titles = {one["id"]: one["title"] for one in corpus}
    every = lines_of(place / "queries.jsonl.gz")
    chosen = [every[n * len(every) // count] for n in range(min(count, len(every)))]
    for one in chosen:
        one["title"] = titles[one["relevant"][0]]
    with tempfile.TemporaryDirectory() as folder:
        return table_of(asyncio.run(asked(Trial(Path(folder), corpus, name), chosen)))


def main() -> int:
    parser = argparse.ArgumentParser(description="answers from documents")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--model", default="local:qwen2.5-coder-1.5b")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    table = rows(given.data, given.questions, given.model)
    show(f"Answers of {given.model}", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
