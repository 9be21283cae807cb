"""What runs were about, as spans carry it where that is asked for: short, and nothing secret."""

from __future__ import annotations

import json
import re
from typing import Any

from agentkit.types import Json

MOST_CHARACTERS = 4096
"""Of one text or value; what is longer is cut."""

_NAMES = (
    r"pass(?:word|wd|phrase)|secret|token(?!s)|credential|authorization|cookie"
    r"|(?:api|access|private)[_-]?key"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_GIVEN = re.compile(
    rf"""((?:{_NAMES})\w*["']?\s*[=:]\s*(?:bearer\s+|basic\s+|["'])?)[^\s"',)}}&]+""", re.IGNORECASE
)
"""A secret where its name is written before it."""
_KEY = re.compile(r"\b(?:sk|pk|ghp|gho|xox[abp]|AKIA|eyJ)[-_A-Za-z0-9]{8,}[-_.A-Za-z0-9]*")
"""A secret that its beginning gives away."""
_IN_URL = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")

_HIDDEN = "(hidden)"


def value(data: Json) -> str:
    """Arguments or a result as JSON, cut in length, without what looks like a secret.

    >>> value({"user": "ann", "api_key": "a1b2", "to": [{"Password": "x"}]})
    '{"user": "ann", "api_key": "(hidden)", "to": [{"Password": "(hidden)"}]}'
    """
    return _cut(json.dumps(_shown(data), ensure_ascii=False))


def message(role: str, said: str, *, finish: str | None = None) -> str:
    """One message, as the conventions write them.

    >>> message("user", "add 2 and 2")
    '[{"role": "user", "parts": [{"type": "text", "content": "add 2 and 2"}]}]'
    """
    one: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text(said)}]}
    if finish is not None:
        one["finish_reason"] = finish
    return json.dumps([one], ensure_ascii=False)


def text(said: str) -> str:
    """A text, cut in length, without what looks like a secret.

    >>> text("login(password='x1'), then psql postgresql://ann:x1@db")
    "login(password='(hidden)'), then psql postgresql://ann:(hidden)@db"
    """
    return _cut(_masked(said))


def _masked(said: str) -> str:
    named = _GIVEN.sub(rf"\1{_HIDDEN}", said)
    return _IN_URL.sub(rf"\1{_HIDDEN}@", _KEY.sub(_HIDDEN, named))


def _cut(said: str) -> str:
    said = said.encode("utf-8", "replace").decode()  # half a character cannot be sent
    return said if len(said) <= MOST_CHARACTERS else f"{said[: MOST_CHARACTERS - 1]}…"


def _shown(data: Json) -> Json:
    match data:
        case dict():
            return {k: _HIDDEN if _NAME.search(k) else _shown(v) for k, v in data.items()}
        case list():
            return [_shown(each) for each in data]
        case str():
            return _masked(data)
        case _:
            return data
