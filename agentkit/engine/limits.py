"""The bounds of a run, enforced by the engine and not by anybody's good will."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentkit.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a run may go. Going past one is `LimitReached`, or fails the node that would.

    >>> Limits(parallel=4).parallel
    4
    """

    nodes: int = 10_000
    """Nodes added over the whole run, elements of maps and their calls included."""
    depth: int = 10_000
    """Nodes on the longest chain of dependencies."""
    parallel: int = 256
    """Calls running at once."""
    threads: int = 32
    """Calls of sync tools running at once."""
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Calls of `runs="process"` tools running at once; each has a process of its own."""
    agents: int = 4
    """Agents that are tools of one another, from this one down, itself included."""
    repeats: int = 3
    """Nodes that may call one tool with the same arguments; elements of maps do not count."""
    replans: int = 8
    """Turns of the planner after its first, repairs apart."""
    repairs: int = 1
    """Turns in which the planner may mend statements that were refused."""
    seconds: float | None = None
    """Wall time of the run."""
    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    """Units there are of each resource that tools name (`{"gpu": 2}`); one of each not named."""

    def __post_init__(self) -> None:
        for name in ("nodes", "depth", "parallel", "threads", "processes", "agents", "repeats"):
            value = getattr(self, name)
            if value < 1:
                raise UsageError(f"Limits({name}=…) is at least 1; found {value!r}")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"Limits(seconds=…) is more than 0; found {self.seconds!r}")
