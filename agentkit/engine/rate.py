"""How often something may start. Pure: the clock is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf


@dataclass(slots=True, eq=False)
class Rate:
    """At most `per_s` starts a second: in any second, not only on average."""

    per_s: float
    starts: deque[float] = field(init=False)
    window_s: float = field(init=False)

    def __post_init__(self) -> None:
        count = ceil(self.per_s)
        self.starts = deque(maxlen=count)
        self.window_s = count / self.per_s

    def next_at(self) -> float:
        """The earliest time of the next start, in the clock of the starts."""
        full = len(self.starts) == self.starts.maxlen
        return self.starts[0] + self.window_s if full else -inf

    def reserve(self, now: float) -> float:
        """Take the next start; returns its time, now or later."""
        at = max(now, self.next_at())
        self.starts.append(at)
        return at
