"""An answer's text as blocks: a small part of Markdown, and nothing that could fetch or lead away.

Paragraphs, headings, lists, code and bold are understood. Links, pictures and tags stay the
characters that they are. `[node]`, where the answer rests on that node, is its source's number.

>>> [block.kind for block in blocks("# Total\\n\\nIt is **5**.\\n\\n- tea\\n- cake", ())]
['heading', 'text', 'bullets']
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from agentkit.report.view import Link

MOST_CHARACTERS = 60_000
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_HEADING = re.compile(r"^ {0,3}#{1,6} +(?=\S)")
_BULLET = re.compile(r"^ {0,3}[-*•] +(?=\S)")
_NUMBERED = re.compile(r"^ {0,3}\d{1,4}[.)] +(?=\S)")
_INLINE = re.compile(
    r"(?P<code>`[^`\n]{1,400}`)|(?P<strong>\*\*[^*\n]{1,400}\*\*)"
    r"| ?\[(?P<cite>\w+(?:, ?\w+){0,20})\](?!\()"
)


class Inline(NamedTuple):
    """A piece of a line; a `cite` is the number of a source, with its place on the page."""

    kind: Literal["text", "code", "strong", "cite"]
    text: str
    anchor: str = ""


class Block(NamedTuple):
    """A paragraph, a heading, a list or code; each line is in pieces."""

    kind: Literal["text", "heading", "bullets", "numbers", "code"]
    lines: tuple[tuple[Inline, ...], ...]


def blocks(text: str, sources: Sequence[Link]) -> tuple[Block, ...]:
    """The text's blocks; `sources` are what it rests on, numbered from 1."""
    numbers = {link.name: (str(number), link.anchor) for number, link in enumerate(sources, 1)}
    return tuple(_blocks(text[:MOST_CHARACTERS].splitlines(), numbers))


_Numbers = Mapping[str, tuple[str, str]]


def _blocks(lines: Sequence[str], numbers: _Numbers) -> Iterator[Block]:
    gathered: list[str] = []
    kind: Literal["text", "bullets", "numbers"] = "text"
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if fence := _FENCE.match(line):
            yield from _block(kind, gathered, numbers)
            code: list[str] = []
            while at < len(lines) and not lines[at].lstrip().startswith(fence[1]):
                code.append(lines[at])
                at += 1
            at += 1
            yield Block("code", tuple((Inline("text", each),) for each in code))
            continue
        if heading := _HEADING.match(line):
            yield from _block(kind, gathered, numbers)
            yield Block("heading", (_inline(line[heading.end() :], numbers),))
            continue
        now, rest = _listed(line)
        if not line.strip() or (now != kind and not (now == "text" and gathered)):
            yield from _block(kind, gathered, numbers)
            kind = now
        if line.strip():
            if now == "text" and kind != "text":
                gathered[-1] += f" {rest.strip()}"  # a list's item goes on
            else:
                gathered.append(rest)
    yield from _block(kind, gathered, numbers)


def _listed(line: str) -> tuple[Literal["text", "bullets", "numbers"], str]:
    if bullet := _BULLET.match(line):
        return "bullets", line[bullet.end() :]
    if number := _NUMBERED.match(line):
        return "numbers", line[number.end() :]
    return "text", line


def _block(
    kind: Literal["text", "bullets", "numbers"], gathered: list[str], numbers: _Numbers
) -> Iterator[Block]:
    if gathered:
        yield Block(kind, tuple(_inline(line, numbers) for line in gathered))
        gathered.clear()


def _inline(line: str, numbers: _Numbers) -> tuple[Inline, ...]:
    pieces: list[Inline] = []
    at = 0
    for found in _INLINE.finditer(line):
        cited = re.split(", ?", found["cite"]) if found["cite"] else []
        if not all(name in numbers for name in cited):
            continue
        if found.start() > at:
            pieces.append(Inline("text", line[at : found.start()]))
        at = found.end()
        if found["code"]:
            pieces.append(Inline("code", found["code"][1:-1]))
        elif found["strong"]:
            pieces.append(Inline("strong", found["strong"][2:-2]))
        pieces += [Inline("cite", *numbers[name]) for name in cited]
    if at < len(line):
        pieces.append(Inline("text", line[at:]))
    return tuple(pieces)
