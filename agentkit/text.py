"""Text from models, tools and files, made safe and short for terminals and pages."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

from agentkit.types import Json

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline, C1 too
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # bidirectional controls, separators of lines
    "\ud800-\udfff]"  # halves of surrogate pairs
)
_FAR = 8
"""So many times the width of a line are read of a text that is cut to it."""


def inert(text: str) -> str:
    r"""The text with everything that a terminal or a page would obey written out instead.

    Control characters (so every escape sequence, C1 included), carriage returns, bidirectional
    overrides and lone surrogates become visible escapes; newlines and tabs stay.

    >>> inert("a\x1b[31mred\r\n")
    'a\\x1b[31mred\\x0d\n'
    """
    return _OBEYED.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def inert_json(value: Any) -> str:
    r"""The value as JSON on one line, from which exactly it is read back.

    What a terminal or a page would obey, and halves of surrogate pairs, which no encoding has, are
    JSON's own escapes; other letters stay as they are.

    >>> inert_json({"é": "\x9b31m"})
    '{"é": "\\u009b31m"}'
    """
    return _OBEYED.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def one_line(text: str, width: int = 80) -> str:
    """The text inert, on one line, cut to at most `width` characters; what is far behind those is
    not looked at."""
    width = max(1, width)
    head = text[: _FAR * width]
    flat = " ".join(inert(head).split())
    return cut(flat if len(head) == len(text) else f"{flat}…", width)


def cut(text: str, most: int) -> str:
    """The text's first `most` characters; where there are more, they end with `…`."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def digest(value: Json, width: int = 60) -> str:
    """A value in a few words: a text's beginning, a list's length, a file's name and size."""
    match value:
        case None:
            return ""
        case str():
            return one_line(json.dumps(value[: _FAR * width], ensure_ascii=False), width)
        case list():
            return f"{len(value)} item{'' if len(value) == 1 else 's'}"
        case dict():
            return one_line(_of_object(value, width), width)
        case _:
            return one_line(json.dumps(value), width)


def _of_object(value: dict[str, Json], width: int) -> str:
    size = value.get("size_bytes")
    if isinstance(size, int) and "sha256" in value:
        return f"{value.get('name') or value.get('media_type')} ({count_bytes(size)})"
    for telling in ("value", "text", "path"):
        if telling in value:
            return digest(value[telling], width)
    return "{" + ", ".join(islice(value, width)) + "}"


def arguments(args: dict[str, Json], width: int = 60) -> str:
    """Arguments as `name=value, …`; a single one as its value alone."""
    if len(args) == 1:
        return digest(next(iter(args.values())), width)
    share = max(12, width // max(1, len(args)))
    return one_line(", ".join(f"{name}={digest(args[name], share)}" for name in args), width)


def count_bytes(size: int) -> str:
    """A size for people: `0 B`, `12.3 kB`, `1.1 GB`."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95 or unit == "TB":
            return f"{amount:.1f} {unit}"
    raise AssertionError("the last unit always returns")
