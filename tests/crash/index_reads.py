"""Reads an index again and again until it is of a version: `python -m tests.crash.index_reads INDEX
VERSION`. Whenever it is read it must be whole, and of one version; each version is said as soon as
it is there."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.index_writes import versions


def main(index: Path, last: str) -> None:
    said = ""
    while said != last:
        found = versions(index)
        assert [len(one) for one in found] == [1], found
        if found != [{said}]:
            ((said,),) = found
            print(said, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
