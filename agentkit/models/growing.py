"""A file that is not whole yet: `NAME.partial`, and beside it a note of its whole parts."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from agentkit.errors import ModelError
from agentkit.models.weights import ModelFile, Packed, Part, Source, told


class Growing:
    """The file on its way to be whole; what is there of an earlier attempt is the beginning.

    Whichever source goes on, it goes on from the bytes that are there: all sources have the same
    file. Where the hash of such a mixture is wrong, the source begins once more, from nothing.
    """

    def __init__(self, file: ModelFile, folder: Path) -> None:
        self.file = file
        self.whole = False
        self._folder = folder
        self._partial = folder / f"{file.name}.partial"
        self._note = folder / f"{file.name}.parts.json"
        self._left = list(file.sources)
        self._failures: list[ModelError] = []
        self.size_bytes = self._partial.stat().st_size if self._partial.exists() else 0
        if self.size_bytes > file.size_bytes:
            self.cut(0)
        self._mixed = self.size_bytes > 0

    @property
    def source(self) -> Source:
        """Where the next bytes come from."""
        return self._left[0]

    def parts_from(self, packed: Packed) -> Sequence[Part]:
        """The parts of these packages that are still to be appended, in order."""
        parts, _ = self._noted(packed)
        return packed[parts:]

    def append_part(self, packed: Packed, data: Iterable[bytes]) -> None:
        """Appends the next part of these packages after the last whole one."""
        parts, size = self._noted(packed)
        self.cut(size)
        self.append(data)
        note = {"of": packed[0].requirement, "parts": parts + 1, "bytes": self.size_bytes}
        new = self._note.with_name(self._note.name + ".new")
        new.write_text(json.dumps(note), "utf-8")
        new.replace(self._note)

    def append(self, data: Iterable[bytes]) -> None:
        """Appends bytes, and sees to it that they are on the disk. Refuses more than expected."""
        with self._partial.open("ab") as out:
            try:
                for chunk in data:
                    if self.size_bytes + len(chunk) > self.file.size_bytes:
                        raise ModelError(
                            f"{told(self.source)} goes beyond the {self.file.size_bytes:,} bytes "
                            f"expected of {self.file.name}: do not use this source"
                        )
                    out.write(chunk)
                    self.size_bytes += len(chunk)
            finally:
                out.flush()
                self.size_bytes = out.tell()
            os.fsync(out.fileno())

    def cut(self, size_bytes: int) -> None:
        """Keeps the first bytes only."""
        if size_bytes == self.size_bytes:
            return
        with self._partial.open("ab") as out:
            out.truncate(size_bytes)
        self.size_bytes = size_bytes

    def finish(self) -> None:
        """Gives the file its name if its hash is right. What is hashed is what the disk holds.

        Raises `ModelError` where the source, from the first byte on, gave others.
        """
        with self._partial.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        self._note.unlink(missing_ok=True)
        if found == self.file.sha256:
            self._partial.replace(self._folder / self.file.name)
            self.whole = True
            return
        self._partial.unlink()
        self.size_bytes = 0
        if self._mixed:
            self._mixed = False
            return
        raise ModelError(
            f"{self.file.name} should have the sha256 {self.file.sha256}, but what "
            f"{told(self.source)} gave has {found} and was removed. The source was altered or the "
            "download damaged: try again; if it repeats, do not use this source"
        )

    def next_source(self, failure: ModelError) -> None:
        """Turns to the next source, because this one failed."""
        self._failures.append(failure)
        self._left.pop(0)
        self._mixed = self.size_bytes > 0

    def require_source(self) -> None:
        """Raises what the sources said once each of them has failed."""
        if self._left:
            return
        if len(self._failures) == 1:
            raise self._failures[0]
        said = "; ".join(f"{n}. {error}" for n, error in enumerate(self._failures, start=1))
        raise ModelError(
            f"none of the {len(self._failures)} sources of {self.file.name} gave it: {said}",
            retryable=any(error.retryable for error in self._failures),
        )

    def _noted(self, packed: Packed) -> tuple[int, int]:
        """How many parts of these packages the file begins with, and their bytes."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
            parts, size = int(note["parts"]), int(note["bytes"])
            same = note["of"] == packed[0].requirement
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0, 0
        return (parts, size) if same and size <= self.size_bytes else (0, 0)
