"""Artifacts inside of a page: as `data:` addresses, up to a limit.

The media type in an address is one of those here, never one that came with the data. A picture in
SVG is only ever shown as an image, in which nothing runs and nothing is fetched.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agentkit.errors import StoreError
from agentkit.media import Artifact
from agentkit.protocols import ArtifactStore
from agentkit.report.preview import Medium
from agentkit.sniff import is_text
from agentkit.text import count_bytes

EMBED_BYTES = 2_000_000
"""The largest artifact that is put into a page."""

EMBED_BYTES_TOGETHER = 24_000_000
"""All of them together."""

FIRST_PAGE_BYTES = 3000
"""How much of a text is shown."""

_Kind: TypeAlias = Literal["image", "audio", "video"]
_KINDS: Mapping[str, tuple[_Kind, str]] = {
    "image/png": ("image", "image/png"),
    "image/jpeg": ("image", "image/jpeg"),
    "image/gif": ("image", "image/gif"),
    "image/webp": ("image", "image/webp"),
    "image/avif": ("image", "image/avif"),
    "image/bmp": ("image", "image/bmp"),
    "image/svg+xml": ("image", "image/svg+xml"),
    "audio/wav": ("audio", "audio/wav"),
    "audio/x-wav": ("audio", "audio/wav"),
    "audio/mpeg": ("audio", "audio/mpeg"),
    "audio/flac": ("audio", "audio/flac"),
    "audio/ogg": ("audio", "audio/ogg"),
    "audio/mp4": ("audio", "audio/mp4"),
    "audio/aac": ("audio", "audio/aac"),
    "audio/webm": ("audio", "audio/webm"),
    "video/mp4": ("video", "video/mp4"),
    "video/webm": ("video", "video/webm"),
}


def playable(media_type: str) -> tuple[_Kind, str] | None:
    """What element shows files of this media type, and the type in our own words; None where none
    does.

    >>> playable("Image/PNG; width=64"), playable("text/html")
    (('image', 'image/png'), None)
    """
    return _KINDS.get(media_type.partition(";")[0].strip().lower())


@dataclass(slots=True)
class Embedding:
    """Puts each artifact into a page once."""

    artifacts: ArtifactStore | None
    most_bytes: int = EMBED_BYTES
    left_bytes: int = EMBED_BYTES_TOGETHER
    _shown: set[str] = field(default_factory=set[str])

    def __call__(self, file: Artifact) -> Medium:
        """What the page shows of it."""
        if self.artifacts is None:
            return Medium(kind="none", why="its bytes were not given to this page")
        try:
            if is_text(file.media_type) and playable(file.media_type) is None:
                return self._text(self.artifacts, file)
            return self._media(self.artifacts, file)
        except (StoreError, OSError):
            return Medium(kind="none", why="its bytes are no longer in the store, or damaged")

    def _text(self, artifacts: ArtifactStore, file: Artifact) -> Medium:
        with artifacts.path(file.sha256).open("rb") as source:
            head = source.read(FIRST_PAGE_BYTES)
        why = "" if file.size_bytes <= len(head) else f"its first {count_bytes(len(head))}"
        return Medium(kind="text", text=head.decode(errors="replace"), why=why)

    def _media(self, artifacts: ArtifactStore, file: Artifact) -> Medium:
        found = playable(file.media_type)
        if found is None:
            return Medium(kind="none", why=file.preview)
        if file.sha256 in self._shown:
            return Medium(kind="none", why="shown above")
        size_bytes = artifacts.path(file.sha256).stat().st_size
        if size_bytes > min(self.most_bytes, self.left_bytes):
            limit = count_bytes(self.most_bytes)
            return Medium(kind="none", why=f"too large for this page, which takes up to {limit}")
        kind, media_type = found
        data = base64.b64encode(artifacts.read(file.sha256)).decode()
        self._shown.add(file.sha256)
        self.left_bytes -= size_bytes
        return Medium(kind=kind, address=f"data:{media_type};base64,{data}")
