"""Reads an index again and again until it is of a version: `python -m tests.crash.index_reads INDEX
VERSION`. Whenever it is read it must be whole, and of one version."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.index_writes import versions


def main(index: Path, last: str) -> None:
    print("reading", flush=True)
    read = 0
    while (found := versions(index)) != [{last}]:
        assert [len(one) for one in found] == [1], found
        read += 1
    print(read)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
