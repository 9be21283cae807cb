"""Words and names from a document: short, on one line, and names that Python can say."""

from __future__ import annotations

import re
from collections.abc import Container
from keyword import iskeyword

MOST_CHARACTERS = 200
MOST_OF_A_NAME = 64
_ODD = re.compile(r"[^0-9A-Za-z]+")
_MARKUP = re.compile(r"<[^<>]{0,200}>|[*`]+|\[([^\[\]]{0,200})\]\([^()]{0,300}\)")
_TAKEN = frozenset(("answer", "observe"))
"""Words of the plan language."""


def short(text: object, most: int = MOST_CHARACTERS) -> str:
    """The first paragraph as one printable line of at most `most` characters.

    >>> short("Lists **all** pets.\\n\\nOld: see [here](https://x)")
    'Lists all pets.'
    """
    if not isinstance(text, str):
        return ""
    first = re.split(r"\n\s*\n", text[: 8 * most].strip(), maxsplit=1)[0]
    bare = _MARKUP.sub(lambda found: found[1] or "", first)
    return one_line(bare, most)


def one_line(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""The text without what cannot be printed, cut at a word.

    >>> one_line("a\x1b[31m\u202e  b\n c")
    'a [31m b c'
    """
    flat = " ".join(text[: 4 * most].split())
    if not flat.isprintable():
        flat = "".join(c if c.isprintable() else " " for c in flat)
    line = " ".join(flat.split())
    return line if len(line) <= most else line[: most - 1].rsplit(" ", 1)[0] + "…"


def identifier(text: str, taken: Container[str] = (), *, otherwise: str = "value") -> str:
    """A name for it that Python can say and that is not taken.

    >>> identifier("vote_count.gte"), identifier("class"), identifier("2nd", {"n2nd"})
    ('vote_count_gte', 'class_', 'n2nd_2')
    """
    name = _ODD.sub("_", text).strip("_")[:MOST_OF_A_NAME].rstrip("_") or otherwise
    if name[0].isdigit():
        name = f"n{name}"
    if iskeyword(name) or name in _TAKEN:
        name += "_"
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name[: MOST_OF_A_NAME - 4]}_{number}"
    return found
