"""The bounds of pure evaluation, so that no expression can hang a run or fill its memory.

Work is counted in steps: one is a turn of a comprehension, an element, or 64 characters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from agentkit.errors import EvaluationError
from agentkit.plan.purity import MAX_INT_BITS
from agentkit.types import Json

MAX_STEPS = 200_000
MAX_SIZE = 8_000_000
"""Of a value: a character counts 1, an element 8."""
MAX_VALUE_DEPTH = 64


class Frame:
    """One evaluation: what names mean, and how many steps are left."""

    __slots__ = ("local", "scope", "steps")

    def __init__(self, scope: Mapping[str, Json], steps: int = MAX_STEPS) -> None:
        self.scope = scope
        self.local: dict[str, Json] = {}
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Count work done, or about to be done."""
        self.steps -= steps
        if self.steps < 0:
            raise EvaluationError(
                f"expected at most {MAX_STEPS} steps in an expression; "
                "use a tool for work of this size"
            )

    def weigh(self, value: Json) -> None:
        """Count the work of going through a value once."""
        if isinstance(value, str):
            self.spend(len(value) >> 6)
        elif isinstance(value, list | dict):
            self.spend(size(value) >> 3)


def size(value: Json) -> int:
    """Characters + 8 × elements, at any depth. Raises `EvaluationError` beyond the bounds."""
    total = 0
    level = [value]
    for _ in range(MAX_VALUE_DEPTH):
        below: list[Json] = []
        for item in level:
            if isinstance(item, str):
                total += len(item)
            elif isinstance(item, list):
                total += 8 * len(item)
                below.extend(item)
            elif isinstance(item, dict):
                total += 8 * len(item) + sum(map(len, item))
                below.extend(item.values())
            if total > MAX_SIZE:
                raise EvaluationError(
                    f"expected a value of at most {MAX_SIZE} characters (an element counts 8); "
                    "found a larger one; use a tool that writes a file"
                )
        if not below:
            return total
        level = below
    raise EvaluationError(f"expected at most {MAX_VALUE_DEPTH} levels of lists and objects")


def checked_size(length: int, each: int = 1) -> None:
    """Refuse a text or list before it is made."""
    if length * each > MAX_SIZE:
        raise EvaluationError(f"expected a value of at most {MAX_SIZE} characters; found {length}")


def finite(number: int | float | complex) -> int | float:
    """A number that JSON can carry and that later arithmetic can bear."""
    if isinstance(number, int):
        if number.bit_length() <= MAX_INT_BITS:
            return number
    elif isinstance(number, float) and math.isfinite(number):
        return number
    raise EvaluationError("expected a finite real number below 2**1023; found one beyond")
