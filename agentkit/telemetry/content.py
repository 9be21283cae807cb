"""What runs were about, as spans carry it where that is asked for: short, and nothing secret."""

from __future__ import annotations

import json
import re
from typing import Any

from agentkit.types import Json

MOST_CHARACTERS = 4096
"""Of one text or value; what is longer is cut."""
_LOOKED_AT = 16 * MOST_CHARACTERS
"""Of a text: what is behind is cut off in any case, so nobody need look for secrets there."""

_NAMES = (
    r"pass(?:word|wd|phrase)|secret|token(?!s)|credential|authorization|cookie"
    r"|(?:api|access|private)[_-]?key"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_SET = rf"""(?:{_NAMES})\w{{0,40}}\\?["']?\s*[=:]\s*"""
_QUOTED = re.compile(
    rf"""({_SET})(?:(["'])(?:\\.|(?!\2)[^\\\n])+|(\\["'])(?:(?!\3)[^\n])+)""", re.IGNORECASE
)
"""A secret in quotes, where its name is written before it; inside a JSON text these are escaped."""
_GIVEN = re.compile(
    rf"""({_SET}(?:bearer\s+|basic\s+|["'])?)(?!\\["']|\(hidden\))[^\s"',)}}&]+""",
    re.IGNORECASE,
)
"""The same without quotes: one word."""
_OPTION = re.compile(
    rf"""((?<![\w-])--[\w-]{{0,40}}(?:{_NAMES})[\w-]{{0,40}}[ \t]+)"""
    r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s"'-][^\s"']*)""",
    re.IGNORECASE,
)
"""What an option of a command is given."""
_COOKIES = re.compile(r"""(cookie\s*:\s*)[^\s=;"']{1,100}=[^\n"']*""", re.IGNORECASE)
"""A header of cookies: each of them may be the secret."""
_KEY = re.compile(
    r"\b(?:sk|pk|gh[oprsu]_|github_pat_|glpat-|xox[abp]|AKIA|eyJ)[-_A-Za-z0-9]{8,}[-_.A-Za-z0-9]*"
)
"""A secret that its beginning gives away."""
_IN_URL = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")

_HIDDEN = "(hidden)"
_PATTERNS = (
    (_COOKIES, rf"\1{_HIDDEN}"),
    (_QUOTED, rf"\1\2\3{_HIDDEN}"),
    (_GIVEN, rf"\1{_HIDDEN}"),
    (_OPTION, rf"\1{_HIDDEN}"),
    (_KEY, _HIDDEN),
    (_IN_URL, rf"\1{_HIDDEN}@"),
)
"""In this order, with what stays."""


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
    shown = said[:_LOOKED_AT]
    for pattern, kept in _PATTERNS:
        shown = pattern.sub(kept, shown)
    return shown if len(said) <= _LOOKED_AT else f"{shown}…"


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
