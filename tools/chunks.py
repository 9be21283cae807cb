"""Passages of a document: by its headings and paragraphs, of about one size.

>>> from agentkit.tools.documents import Paragraph
>>> [chunk] = split([Paragraph(text="Ask a week ahead.", heading="Holidays", line=3)])
>>> chunk.text, chunk.location
('Holidays\\nAsk a week ahead.', 'line 3')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from agentkit.tools.documents import Paragraph

TARGET = 600
"""Characters of a passage: some 130 tokens, half of what the embedding model reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A passage with its heading on top, and where it begins.

    `page` is 0 where there are none; `offset` counts characters from the start of the file's text,
    or of the page's, to the first one below the heading.
    """

    text: str
    location: str
    page: int = 0
    offset: int = 0


def split(paragraphs: Iterable[Paragraph], target: int = TARGET) -> list[Chunk]:
    """Passages of about `target` characters; none crosses a heading or a page."""
    return [
        chunk
        for _, section in groupby(paragraphs, key=lambda one: (one.heading, one.page))
        for chunk in _section(list(section), target)
    ]


def _section(paragraphs: list[Paragraph], target: int) -> Iterator[Chunk]:
    pieces = [(one, *piece) for one in paragraphs for piece in _pieces(one.text, target)]
    start = 0
    while start < len(pieces):
        end, size = start, 0
        while end < len(pieces) and (end == start or size + len(pieces[end][2]) <= target):
            size += len(pieces[end][2])
            end += 1
        first, position, _ = pieces[start]
        body = "\n\n".join(piece for _, _, piece in pieces[start:end])
        text = f"{first.heading}\n{body}" if first.heading else body
        offset = first.offset(position)
        yield Chunk(text=text, location=first.place, page=first.page, offset=offset)
        start = end


def _pieces(text: str, target: int) -> Iterator[tuple[int, str]]:
    """A paragraph, cut at line or sentence ends where it is much longer than `target`.

    Each piece comes after its position.
    """
    if len(text) <= target * 3 // 2:
        yield 0, text
        return
    at, current = 0, ""
    for part in (*_parts(text, target), ""):
        if current and (not part or len(current) + len(part) > target):
            if bare := current.strip():
                yield at + current.index(bare), bare
            at, current = at + len(current), ""
        current += part


def _parts(text: str, target: int) -> Iterator[str]:
    for sentence in re.split(r"(?<=[.!?;])(?=\s)|(?<=\n)", text):
        for start in range(0, len(sentence), target):  # a sentence without end is cut anywhere
            yield sentence[start : start + target]
