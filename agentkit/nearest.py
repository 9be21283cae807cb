"""The known name that a wrong one most likely meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, whatever its case; None if none is much like it.

    >>> nearest("serch", ["transcribe", "search"])
    'search'
    >>> nearest("x", ["transcribe", "search"])
    """
    from difflib import get_close_matches

    folded = {candidate.casefold(): candidate for candidate in sorted(known, reverse=True)}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None
