"""The ids of a run's trace, from the run's own: all processes that carry it on tell one trace."""

from __future__ import annotations

from hashlib import sha256


def trace_id(run: str) -> int:
    """The trace of a run, and of the runs that are calls of it.

    >>> trace_id("r1") == trace_id("r1/5f") != trace_id("r2")
    True
    """
    return _hashed(f"agentkit trace {run.partition('/')[0]}", 16)


def life_id(run: str, seq: int) -> int:
    """The span of a run from its event of this number on, which began it or began it again."""
    return _hashed(f"agentkit life {run} {seq}", 8)


def _hashed(text: str, size: int) -> int:
    return int.from_bytes(sha256(text.encode("utf-8", "replace")).digest()[:size]) or 1
