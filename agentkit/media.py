"""Artifact handles: what stands for bytes in plans, prompts and events.

A tool's parameter annotated `Audio` or `Image` (a `Path` to the bytes), `AudioBytes` or
`ImageBytes` (the bytes), or `Artifact` (the handle) receives what it asks for; in the plan all of
them are one type, an artifact of that media type.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """A handle of stored bytes: content hash, media type, size, a name, a short text preview."""

    sha256: str
    media_type: str
    size_bytes: int
    name: str = ""
    preview: str = ""
