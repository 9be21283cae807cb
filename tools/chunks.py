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
    """A passage with its heading on top, and where it begins."""

    text: str
    location: str


def split(paragraphs: Iterable[Paragraph], target: int = TARGET) -> list[Chunk]:
    """Passages of about `target` characters; none crosses a heading or a page."""
    return [
        chunk
        for _, section in groupby(paragraphs, key=lambda one: (one.heading, one.page))
        for chunk in _section(list(section), target)
    ]


def _section(paragraphs: list[Paragraph], target: int) -> Iterator[Chunk]:
    pieces = [(one, piece) for one in paragraphs for piece in _pieces(one.text, target)]
    start = 0
    while start < len(pieces):
        end, size = start, 0
        while end < len(pieces) and (end == start or size + len(pieces[end][1]) <= target):
            size += len(pieces[end][1])
            end += 1
        first = pieces[start][0]
        body = "\n\n".join(piece for _, piece in pieces[start:end])
        text = f"{first.heading}\n{body}" if first.heading else body
        yield Chunk(text=text, location=first.place)
        start = end


def _pieces(text: str, target: int) -> Iterator[str]:
    """A paragraph, cut at line or sentence ends where it is much longer than `target`."""
    if len(text) <= target * 3 // 2:
        yield text
        return
    current = ""
    for part in _parts(text, target):
        if current and len(current) + len(part) > target:
            yield current.strip()
            current = ""
        current += part
    if current.strip():
        yield current.strip()


def _parts(text: str, target: int) -> Iterator[str]:
    for sentence in re.split(r"(?<=[.!?;])(?=\s)|(?<=\n)", text):
        for start in range(0, len(sentence), target):  # a sentence without end is cut anywhere
            yield sentence[start : start + target]
