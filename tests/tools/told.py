"""The context of one call, made by a test."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentkit.artifacts import FolderArtifacts


@dataclass
class Call:
    """The context of a call, with an artifact store and the progress it was told."""

    artifacts: FolderArtifacts
    told: list[tuple[float, float | None, str]] = field(
        default_factory=list[tuple[float, float | None, str]]
    )

    def progress(self, done: float, total: float | None = None, unit: str = "") -> None:
        self.told.append((done, total, unit))
