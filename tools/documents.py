"""Documents as paragraphs with their place: plain text, Markdown, PDF.

A file comes from outside: its size, pages and text are bounded, and whatever is wrong with it ends
in one sentence that says what to do.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
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
    """A line. `level` is that of a heading, 1 for the highest, and 0 for any other line."""

    text: str
    number: int
    offset: int
    level: int = 0
    page: int = 0


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
        return _pdf(data)
    lines = _lines(_decode(data))
    if path.suffix.lower() in (".md", ".markdown"):
        found = _paragraphs(_under_headings([*_markdown_lines(lines)], name=path.stem))
    else:
        found = _paragraphs(_under_headings([*_text_lines(lines)], guessed=True))
    if not found:
        raise ToolError("it is empty; put text in it or remove it")
    return found


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
        found = None if fenced else re.fullmatch(r"(#{1,6})\s+(.*?)[\s#]*", line.text)
        if found is None:
            yield line
        else:
            yield _Line(found[2], line.number, line.offset + found.start(2), len(found[1]))


def _text_lines(lines: list[_Line]) -> Iterator[_Line]:
    """A short line that stands alone, or in capitals, is a heading."""
    bare = [_stripped(line) for line in lines]
    for n, line in enumerate(bare):
        before = bare[n - 1].text if n > 0 else ""
        after = bare[n + 1].text if n + 1 < len(bare) else "end"
        text = line.text
        short = 0 < len(text) <= 60 and text[0].isalpha() and text[-1] not in ".,;:!?"
        alone = short and not before and (not after or text.isupper())
        yield replace(line, level=1) if alone else line


def _stripped(line: _Line) -> _Line:
    bare = line.text.lstrip()
    return _Line(bare.rstrip(), line.number, line.offset + len(line.text) - len(bare))


def _under_headings(
    lines: Sequence[_Line], *, name: str = "", guessed: bool = False
) -> Iterator[tuple[str, _Line]]:
    """Each line with the heading that it stands under; headings themselves are empty lines.

    No text is lost: a heading with only deeper ones below it is part of theirs, unless it repeats
    the name of the file, and one with nothing below it is a line like others. Where headings were
    `guessed`, that line was none, and stands under the heading before it.
    """
    above: list[_Line] = []
    heading = ""
    for line, below in zip(lines, _below(lines), strict=True):
        if not line.level:
            yield heading, line
            continue
        above = [one for one in above if one.level < line.level]
        if below is None or 0 < below.level <= line.level:
            heading = heading if guessed else _title(above)
            yield heading, line
            continue
        heading = _title([*above, line])
        if below.level and _letters(line.text) != _letters(name):
            above.append(line)
        yield heading, replace(line, text="")


def _below(lines: Sequence[_Line]) -> list[_Line | None]:
    """For each line the next one that is not empty."""
    found: list[_Line | None] = []
    below: _Line | None = None
    for line in reversed(lines):
        found.append(below)
        below = line if line.text.strip() else below
    return found[::-1]


def _title(headings: Sequence[_Line]) -> str:
    return ": ".join(one.text for one in headings if one.text)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _paragraphs(placed: Iterator[tuple[str, _Line]]) -> list[Paragraph]:
    found: list[Paragraph] = []
    groups = groupby(placed, key=lambda one: (one[0], one[1].page, bool(one[1].text.strip())))
    for (heading, page, has_text), group in groups:
        if has_text:
            lines = [line for _, line in group]
            text = "\n".join(line.text.rstrip() for line in lines)
            number = 0 if page else lines[0].number
            offsets = tuple(line.offset for line in lines)
            found.append(
                Paragraph(text=text, heading=heading, page=page, line=number, offsets=offsets)
            )
    return found


# What pypdf was seen to raise on damaged files, besides its own errors.
_DAMAGE = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError, zlib.error,
)  # fmt: skip


def _pdf(data: bytes) -> list[Paragraph]:
    imported("pypdf", feature="reading a PDF", package="pypdf", extra="search")
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    if b"%PDF-" not in data[:1024]:
        raise ToolError("it is not a PDF; remove it or give it its right suffix")
    if b"%%EOF" not in data[-65_536:]:
        raise ToolError("the PDF is cut off before its end; get a whole copy of it")
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):  # most need none to be read
            raise ToolError("the PDF is protected by a password; save it without one")
        pages = _page_texts(reader)
    except (NotImplementedError, DependencyError) as error:
        raise ToolError(
            f"the PDF cannot be read here ({_reason(error)}); save it anew, without encryption"
        ) from None
    except (PyPdfError, *_DAMAGE) as error:
        raise ToolError(f"the PDF is damaged ({_reason(error)}); get a whole copy of it") from None
    if not any(text.strip() for text in pages):
        raise ToolError("the PDF holds no text, only pictures; read its pages with read_image")
    return _pdf_paragraphs(pages)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _page_texts(reader: PdfReader) -> list[str]:
    texts: list[str] = []
    left = _MOST_CHARACTERS
    for number in range(min(len(reader.pages), _MOST_PAGES)):
        texts.append(reader.pages[number].extract_text()[:left])
        left -= len(texts[-1])
    return texts


def _pdf_paragraphs(pages: list[str]) -> list[Paragraph]:
    lines = [
        replace(line, level=_numbered(line.text), page=page)
        for page, text in enumerate(pages, start=1)
        for line in map(_stripped, _lines(text))
    ]
    return _paragraphs(_under_headings(lines, guessed=True))


def _numbered(text: str) -> int:
    """The level of a heading such as `2. Rates` (1) or `3.1 Who pays` (2), else 0.

    Extraction from a PDF leaves no other sign of a heading.
    """
    found = _NUMBERED_HEADING.fullmatch(text)
    return found[1].count(".") + 1 if found else 0


_NUMBERED_HEADING = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+[^\W\d_].{0,58}[^\s.,;:!?]")
