"""What somebody typed, sent or wrote down, looked at before it is used."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from agentkit.errors import UsageError
from agentkit.types import Json


def read_json(text: str | bytes) -> Json:
    """The JSON value. Raises `ValueError`, also for what a journal could not give on as JSON: a
    number that is not finite, and what is nested too deeply.

    >>> read_json('{"total": NaN}')
    Traceback (most recent call last):
    ValueError: expected a finite number; got NaN
    """
    try:
        found: Json = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def json_or_text(text: str) -> Json:
    """The JSON value, or the text itself where it is none.

    Raises `UsageError` for a number that is not finite: that is more often a slip than a text.

    >>> json_or_text("7"), json_or_text('"7"'), json_or_text("seven")
    (7, '7', 'seven')
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    try:
        return read_json(text)
    except ValueError as error:
        raise UsageError(f"{error}; a text goes into quotes, like '\"NaN\"'") from None


def _not_finite(name: str) -> Json:
    raise ValueError(f"expected a finite number; got {name}")


def _finite(text: str) -> Json:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)


def require_list(given: object, option: str) -> None:
    """Raises `UsageError` for one thing where a list is meant: a text is a sequence of letters.

    >>> require_list("search", "tools")
    Traceback (most recent call last):
    agentkit.errors.UsageError: expected a list as tools=; found 'search'; write ['search']
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        said = repr(given) if isinstance(given, str) else getattr(given, "name", repr(given))
        raise UsageError(f"expected a list as {option}=; found {said}; write [{said}]")


def require_kind(given: object, kind: type, option: str) -> None:
    """Raises `UsageError` where something of another kind is given.

    >>> require_kind(3, str, "instructions=")
    Traceback (most recent call last):
    agentkit.errors.UsageError: expected a str as instructions=; found 3 (int)
    """
    if not isinstance(given, kind):
        found = f"{given!r:.100} ({type(given).__name__})"
        raise UsageError(f"expected a {kind.__name__} as {option}; found {found}")
