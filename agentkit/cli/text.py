"""Text from models, tools and files, made safe and short for a terminal."""

from __future__ import annotations

import json

from agentkit.types import Json

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HARMLESS = "\n\t"


def inert(text: str) -> str:
    r"""The text with everything that a terminal would obey written out instead.

    Control characters (so every escape sequence, C1 included), carriage returns, bidirectional
    overrides and lone surrogates become visible escapes; newlines and tabs stay.

    >>> inert("a\x1b[31mred\r\n")
    'a\\x1b[31mred\\x0d\n'
    """
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    code = ord(char)
    if char in _HARMLESS or (0x20 <= code < 0x7F):
        return char
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"\\x{code:02x}"
    if char in _BIDI or 0xD800 <= code < 0xE000 or code in (0x2028, 0x2029):
        return f"\\u{code:04x}"
    return char


def one_line(text: str, width: int = 80) -> str:
    """The text inert, on one line, cut to at most `width` characters."""
    flat = " ".join(inert(text).split())
    return flat if len(flat) <= width else f"{flat[: max(0, width - 1)]}…"


def digest(value: Json, width: int = 60) -> str:
    """A value in a few words: a text's beginning, a list's length, a file's name and size."""
    match value:
        case None:
            return ""
        case str():
            return one_line(json.dumps(value, ensure_ascii=False), width)
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
    return "{" + ", ".join(value) + "}"


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
