"""Documents as paragraphs with their place: plain text, Markdown, PDF.

A file comes from outside: its size, pages and text are bounded, and whatever is wrong with it ends
in one sentence that says what to do.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.errors import ToolError
from agentkit.tools.optional import imported

if TYPE_CHECKING:
    from pypdf import PdfReader

SUFFIXES = (".md", ".markdown", ".txt", ".text", ".pdf")
_MOST_BYTES = 20_000_000
_MOST_PAGES = 2_000
_MOST_CHARACTERS = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Text under a heading. `page` counts from 1 and is 0 where there are none; so is `line`.

    `offsets` says where its lines begin in the file, or in the page: characters from the start.
    """

    text: str
    heading: str = ""
    page: int = 0
    line: int = 0
    offsets: tuple[int, ...] = field(default=(0,), compare=False)

    @property
    def place(self) -> str:
        """`page 3` or `line 12`."""
        return f"page {self.page}" if self.page else f"line {self.line}"

    def offset(self, position: int) -> int:
        """Where the character at that position of `text` stands in the file, or in the page."""
        line = min(self.text.count("\n", 0, position), len(self.offsets) - 1)
        return self.offsets[line] + position - (self.text.rfind("\n", 0, position) + 1)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    number: int
    offset: int
    is_heading: bool = False


def read_document(path: Path) -> list[Paragraph]:
    """The paragraphs of a document, in order. Raises `ToolError` saying what is wrong with it."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _MOST_BYTES else b""
    except OSError as error:
        raise ToolError(f"it cannot be opened: {error.strerror}") from None
    if size > _MOST_BYTES:
        raise ToolError(f"it has {size:,} bytes; split it into files of at most {_MOST_BYTES:,}")
    if not data.strip():
        raise ToolError("it is empty; put text in it or remove it")
    if path.suffix.lower() == ".pdf":
        return list(_pdf(data))
    text = _decode(data)
    mark = _markdown_lines if path.suffix.lower() in (".md", ".markdown") else _text_lines
    return list(_paragraphs(mark(_lines(text))))


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ToolError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise ToolError("it holds binary data; convert it to text or remove it")
    return text[:_MOST_CHARACTERS]


def _lines(text: str) -> list[_Line]:
    starts = accumulate((len(line) for line in text.splitlines(keepends=True)), initial=0)
    numbered = enumerate(zip(text.splitlines(), starts, strict=False), start=1)
    return [_Line(line, number, start) for number, (line, start) in numbered]


def _markdown_lines(lines: list[_Line]) -> Iterator[_Line]:
    fenced = False
    for line in lines:
        if line.text.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        heading = None if fenced else re.fullmatch(r"#{1,6}\s+(.*?)[\s#]*", line.text)
        yield replace(line, text=heading[1], is_heading=True) if heading else line


def _text_lines(lines: list[_Line]) -> Iterator[_Line]:
    """A short line that stands alone, or in capitals, is a heading."""
    bare = [_stripped(line) for line in lines]
    for n, line in enumerate(bare):
        before = bare[n - 1].text if n > 0 else ""
        after = bare[n + 1].text if n + 1 < len(bare) else "end"
        text = line.text
        short = 0 < len(text) <= 60 and text[0].isalpha() and text[-1] not in ".,;:!?"
        alone = short and not before and (not after or text.isupper())
        yield replace(line, is_heading=True) if alone else line


def _stripped(line: _Line) -> _Line:
    bare = line.text.lstrip()
    return _Line(bare.rstrip(), line.number, line.offset + len(line.text) - len(bare))


def _paragraphs(lines: Iterable[_Line], page: int = 0, heading: str = "") -> Iterator[Paragraph]:
    current: list[_Line] = []

    def close() -> Iterator[Paragraph]:
        if current:
            text = "\n".join(line.text.rstrip() for line in current)
            line = 0 if page else current[0].number
            offsets = tuple(line.offset for line in current)
            yield Paragraph(text=text, heading=heading, page=page, line=line, offsets=offsets)
            current.clear()

    for line in lines:
        if line.is_heading:
            yield from close()
            heading = line.text
        elif line.text.strip():
            current.append(line)
        else:
            yield from close()
    yield from close()


# What pypdf was seen to raise on damaged files, besides its own errors.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip


def _pdf(data: bytes) -> Iterator[Paragraph]:
    imported("pypdf", feature="reading a PDF", package="pypdf", extra="search")
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    if b"%PDF-" not in data[:1024]:
        raise ToolError("it is not a PDF; remove it or give it its right suffix")
    if b"%%EOF" not in data[-65_536:]:
        raise ToolError("the PDF is cut off before its end; get a whole copy of it")
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise ToolError("the PDF is protected by a password; save it without one")
        pages = _page_texts(reader)
    except (PyPdfError, *_DAMAGE) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ToolError(f"the PDF is damaged ({reason}); get a whole copy of it") from None
    if not any(text.strip() for text in pages):
        raise ToolError("the PDF holds no text, only pictures; read its pages with read_image")
    return _pdf_paragraphs(pages)


def _page_texts(reader: PdfReader) -> list[str]:
    texts: list[str] = []
    left = _MOST_CHARACTERS
    for number in range(min(len(reader.pages), _MOST_PAGES)):
        texts.append(reader.pages[number].extract_text()[:left])
        left -= len(texts[-1])
    return texts


def _pdf_paragraphs(pages: list[str]) -> Iterator[Paragraph]:
    heading = ""
    for page, text in enumerate(pages, start=1):
        lines = [
            replace(line, is_heading=_NUMBERED_HEADING.fullmatch(line.text) is not None)
            for line in map(_stripped, _lines(text))
        ]
        yield from _paragraphs(lines, page, heading)
        heading = next((line.text for line in reversed(lines) if line.is_heading), heading)


# `2. Rates`, `3.1 Who pays`: extraction from a PDF leaves no other sign of a heading.
_NUMBERED_HEADING = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.?\s+[^\W\d_].{0,58}[^\s.,;:!?]")
