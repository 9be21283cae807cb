"""An index of 100,000 passages: how fast it is made, asked, and brought in step; what it weighs.

    python benchmarks/index.py [--passages 100000] [--check]

The documents are made from a seed, with the words of an encyclopedia as often as it has them, and
so are the passages' vectors: MiniLM would read for an hour. Its rate is taken from a sample and
told beside. Questions are embedded with MiniLM, as `search` does it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
from search import lines_of
from table import Row, exit_code, show

from agentkit.tools import search
from agentkit.tools.embed import MiniLM
from agentkit.tools.index import scan
from agentkit.tools.vectors import EXACT, faiss, indexed

P95_S = 0.030
A_FILE = 100
"""Passages of a document."""
WORDS = 90
"""Of a passage: some 550 characters."""


class Seeded:
    """Vectors from a seed for passages, those of MiniLM for questions."""

    name = "seeded"
    dimensions = MiniLM.dimensions

    def __init__(self) -> None:
        self._model = MiniLM()
        self._centres = _unit(np.random.default_rng(1).standard_normal((500, self.dimensions)))
        self.passages = 0

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        if all(text.endswith("?") for text in texts):
            return self._model.embed(texts)
        self.passages += len(texts)
        return self.vectors(zlib.crc32(texts[0].encode()), len(texts)).tolist()

    def vectors(self, seed: int, count: int) -> Any:
        """Around some hundred topics, float32."""
        chance = np.random.default_rng(seed)
        spread = 0.05 * chance.standard_normal((count, self.dimensions))
        return _unit(self._centres[chance.integers(0, len(self._centres), count)] + spread)


def _unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def written(folder: Path, passages: int, words: list[str]) -> None:
    """The documents: paragraphs that each become a passage."""
    chance = random.Random(1)
    for number in range(passages // A_FILE):
        (folder / f"{number:05}.txt").write_text(document(chance, words), encoding="utf-8")


def document(chance: random.Random, words: list[str]) -> str:
    return "\n\n".join(f"{' '.join(chance.choices(words, k=WORDS))}." for _ in range(A_FILE))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def p95(work: Callable[[str], object], questions: Sequence[str]) -> float:
    return quantiles([seconds(lambda one=one: work(one)) for one in questions], n=20)[-1]


def memory_mb() -> tuple[float, float]:
    """Of this process: now, and the most that it was."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kb = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(kb["VmRSS"]) / 1e3, int(kb["VmHWM"]) / 1e3


def asked(folder: Path, index: Path, questions: Sequence[str]) -> list[Row]:
    """What a process that finds the index ready can say of it."""
    embedder = Seeded()
    embedder.embed(["Ready?"])
    before, _ = memory_mb()
    tool = search(folder, index=index, embedder=embedder)
    opened = seconds(lambda: tool(query=questions[0]))
    slow = p95(lambda one: tool(query=one), questions)
    now, most = memory_mb()
    return [
        Row("opened by a new process", f"{opened:.1f} s"),
        Row(f"a question, p95 < {P95_S * 1e3:.0f} ms", f"{slow * 1e3:.1f} ms", slow < P95_S),
        Row("of which MiniLM", f"{p95(lambda one: embedder.embed([one]), questions) * 1e3:.1f} ms"),
        Row(
            "of which a look at the folder",
            f"{p95(lambda one: scan(folder), questions) * 1e3:.1f} ms",
        ),
        Row("memory of that index, beside MiniLM", f"{now - before:.0f} MB"),
        Row("most memory of that process", f"{most:.0f} MB"),
    ]


def _elsewhere(work: Callable[..., list[Row]], *given: object) -> list[Row]:
    """What a new process finds: its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *given).result()


def kinds(passages: int) -> list[Row]:
    """An exact search beside the graph, on the vectors alone."""
    made = Seeded()
    vectors, queries = made.vectors(2, passages), made.vectors(3, 200)
    exact = faiss().IndexFlatIP(made.dimensions)
    exact.add(vectors)
    built = time.perf_counter()
    graph = indexed(vectors)
    built = time.perf_counter() - built
    right, found = (one.search(queries, 10)[1] for one in (exact, graph))
    share = np.mean([len({*a} & {*b}) / 10 for a, b in zip(right, found, strict=True)])
    table = [Row("a graph of the vectors, made in", f"{built:.1f} s")]
    table.append(Row("of the ten nearest it finds", f"{share:.1%}"))
    for name, one in (("exact", exact), ("graph", graph)):
        for n in (1, 5):
            batches = [queries[at : at + n] for at in range(0, 200, n)]
            slow = quantiles([seconds(lambda b=b, o=one: o.search(b, 55)) for b in batches], n=20)
            table.append(Row(f"{name}, {n} vectors at once, p95", f"{slow[-1] * 1e3:.1f} ms"))
    return table


def rows(data: Path, passages: int) -> list[Row]:
    place = data / "xquad_en"
    if not place.is_dir():
        return [Row(f"skipped: there is no folder {place}", "")]
    corpus: list[str] = [one["text"] for one in lines_of(place / "corpus.jsonl.gz")]
    questions = [one["question"] for one in lines_of(place / "queries.jsonl.gz")]
    words = [word for text in corpus for word in text.split()]
    sample = seconds(lambda: MiniLM().embed(corpus[:64]))
    with tempfile.TemporaryDirectory() as name:
        folder, index = Path(name, "docs"), Path(name, "index")
        folder.mkdir()
        written(folder, passages, words)
        embedder = Seeded()
        made = seconds(lambda: search(folder, index=index, embedder=embedder)(query="Ready?"))
        count = embedder.passages
        table = [
            Row("passages", f"{count:,}"),
            Row("indexed without MiniLM", f"{count / made:,.0f} a second"),
            Row("MiniLM, a sample of paragraphs", f"{64 / sample:.0f} a second"),
            *_elsewhere(asked, folder, index, questions),
        ]
        (folder / "00001.txt").write_text(document(random.Random(2), words), encoding="utf-8")
        tool = search(folder, index=index, embedder=embedder)
        changed = seconds(lambda: tool(query="Changed?"))
        again = embedder.passages - count
        table.append(Row("embedded after one file changed", f"{again}", again == A_FILE))
        table.append(Row("and in step again", f"{changed:.1f} s"))
        size = sum(path.stat().st_size for path in index.rglob("*.index"))
        table.append(Row("on disk", f"{size / 1e6:.0f} MB"))
    return table + (kinds(passages) if passages > EXACT else [])


def main() -> int:
    parser = argparse.ArgumentParser(description="an index of many passages")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    table = rows(given.data, given.passages)
    show(f"An index of {given.passages:,} passages", table)
    return exit_code(table, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
