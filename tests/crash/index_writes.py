"""A kill at every write of a search index: `python -m tests.crash.index_writes`.

A folder changes and its index is brought in step. The process is killed before the k-th write,
sync, rename or removal, in the middle of a write, and while it embeds; then the old index or the
new one must be there whole, and the next search must find what the folder says. Prints how many
kills there were, as JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentkit.tools import search
from agentkit.tools.index_file import load
from agentkit.tools.vectors import faiss
from tests.crash.attempt import attempt
from tests.crash.disk import Fault, How, arm, preloaded, run_preloaded

FILES = 3
KILLS: tuple[How, ...] = ("kill", "tear")


class Letters:
    """Counts of letters as vectors; kills its process before text number `fatal`, from 1 on."""

    name = "letters"
    dimensions = 26

    def __init__(self, fatal: int = 0) -> None:
        self._left = fatal
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        for text in texts:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.seen.append(text)
        return [self._vector(text.lower()) for text in texts]

    def _vector(self, text: str) -> list[float]:
        counts = [float(text.count(chr(ord("a") + n))) for n in range(self.dimensions)]
        length = sum(one * one for one in counts) ** 0.5
        return [one / (length or 1.0) for one in counts]


def write(docs: Path, version: str) -> None:
    """All documents, each with a passage for each heading."""
    docs.mkdir(exist_ok=True)
    for n in range(FILES):
        parts = [f"# {part}\nThe {version} text, document {n}." for part in "ab"]
        (docs / f"{n}.md").write_text("\n\n".join(parts))


def versions(index: Path) -> list[set[str]]:
    """Which versions the passages of each index below the folder are of."""
    found: list[set[str]] = []
    for path in index.rglob("*.index"):
        read = load(path, Letters())
        assert read is not None, "the index is damaged"
        assert (len(read.passages), read.vectors.ntotal) == (2 * FILES, 2 * FILES)
        found.append({one.text.split()[2] for _, one in read.passages})
    return found


class Trial:
    """A folder whose index is of the old text, and which has the new one."""

    def __init__(self, place: Path) -> None:
        self.docs, self.index, self.log = place / "docs", place / "index", place / "log"
        write(self.docs, "old")
        self.first(Letters())
        write(self.docs, "newer")

    def first(self, embedder: Letters | None = None) -> str:
        """The first passage, of the folder as it is."""
        (hit,) = search(self.docs, index=self.index, embedder=embedder or Letters())(
            query="text", k=1
        )
        return str(hit.text)

    def killed(self, fault: Fault | None, fatal: int = 0) -> bool:
        """Whether a child that brings the index in step was killed; what is left is whole."""

        def work() -> None:
            if fault is not None:
                arm(self.index, fault, self.log)
            self.first(Letters(fatal))

        killed = attempt(work, log=self.log.with_suffix(".said")).killed
        assert versions(self.index) in ([{"old"}], [{"newer"}]), versions(self.index)
        if not killed:
            return False
        after = Letters()
        assert "newer" in self.first(after)
        assert len(after.seen) in (1, 1 + 2 * FILES), "it had been whole, or all is embedded"
        assert versions(self.index) == [{"newer"}]
        assert [*self.index.rglob("*.tmp")] == []
        return True


def sweep(folder: Path) -> dict[str, int]:
    """How many kills of each kind there were until one came too late."""
    kills: dict[str, int] = dict.fromkeys((*KILLS, "embedding"), 0)
    for how in KILLS:
        while one_trial(folder, Fault(how, kills[how] + 1), 0):
            kills[how] += 1
    while one_trial(folder, None, kills["embedding"] + 1):
        kills["embedding"] += 1
    return kills


def one_trial(folder: Path, fault: Fault | None, fatal: int) -> bool:
    place = folder / "trial"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return Trial(place).killed(fault, fatal)


def main() -> None:
    faiss().omp_set_num_threads(1)  # a fork has no threads of its parent's
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(sweep(Path(folder))))


if __name__ == "__main__":
    if preloaded():
        main()
    else:
        sys.exit(run_preloaded("tests.crash.index_writes", []))
