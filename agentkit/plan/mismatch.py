"""How a value or a type differs from the type that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentkit.plan.types import Path


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What was expected and found, in Python's words, and where inside the value it was."""

    expected: str
    found: str
    path: Path = ()
    nearest: str | None = None

    @property
    def place(self) -> str:
        """The path as it is written after a name: `.lines[0].price`; `[]` for every element."""
        return "".join(
            f"[{step}]" if isinstance(step, int) else (step if step == "[]" else f".{step}")
            for step in self.path
        )

    def wanted(self, what: str) -> str:
        """What was expected of something, and where in it.

        >>> Mismatch("int", "'3'", ("lines", 0)).wanted("'bill' of pay")
        "int for 'bill' of pay at .lines[0]"
        """
        return f"{self.expected} for {what}{f' at {self.place}' if self.path else ''}"


def worst(tried: Sequence[Mismatch], whole: Callable[[], Mismatch]) -> Mismatch:
    """The one to report of a union's members: that which got furthest inside, if there is one.

    Else the `whole`, whose words are looked for only then.
    """
    if len(tried) == 1:
        return tried[0]
    said = whole()
    deepest = max((len(mismatch.path) for mismatch in tried), default=0)
    best = [mismatch for mismatch in tried if len(mismatch.path) == deepest]
    if deepest > len(said.path) and len(best) == 1:
        return best[0]
    near = next((mismatch.nearest for mismatch in tried if mismatch.nearest), None)
    return Mismatch(said.expected, said.found, said.path, near)
