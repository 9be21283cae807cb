"""Cuts the text of a plan into statements while it is being written.

A simple statement is complete at the end of its line, unless a bracket, a string or a backslash
keeps it open; a block (`if …:`) when the next line is indented no deeper than its first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentkit.plan.graph import Position
from agentkit.plan.problem import Problem

MAX_STATEMENT = 256_000
"""Characters of one statement."""

_MARK = re.compile(r"""\"\"\"|'''|["'#\\()\[\]{}]""")
_QUOTES = ('"', "'", '"""', "'''")
_INSIDE = {
    quote: re.compile(rf"(?:[^\\{quote[0]}]++|\\.|(?!{quote}){quote[0]})*+") for quote in _QUOTES
}
"""What a string has before its end or the line's; a backslash takes the next character with it."""
_STRING_END = {quote: re.compile(rf"\\$|{quote}") for quote in _QUOTES}
_FIRST_WORD = re.compile(r"\s*([a-z]*)")
_BLOCKS = frozenset(("if", "for", "while", "with", "def", "class", "try", "async"))
_CONTINUES = frozenset(("elif", "else", "except", "finally"))
_BINDING = re.compile(r"[^\W\d]\w*\s*=[^=]")


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one whole statement and the line (from 1) that it begins in."""

    text: str
    line: int


class StatementReader:
    """Takes text in arbitrary pieces and gives each statement as soon as it is complete.

    Markdown fences are skipped, and what stands between a closing fence and the next opening one.
    A statement beyond `MAX_STATEMENT` becomes a `Problem`. The time is linear in the text.

    >>> reader = StatementReader()
    >>> reader.feed("talk = transcribe(audio=ca")
    []
    >>> reader.feed("ll)\\nif talk.text:\\n")
    [Statement(text='talk = transcribe(audio=call)', line=1)]
    >>> reader.feed("    observe(talk)")
    []
    >>> reader.close()
    [Statement(text='if talk.text:\\n    observe(talk)', line=2)]
    """

    def __init__(self) -> None:
        self._partial: list[str] = []
        self._partial_size = 0
        self._number = 0
        self._in_fence = False
        self._after_fence = False
        self._rereads = 8
        self._begin()

    def feed(self, text: str) -> list[Statement | Problem]:
        """The statements that this piece of text completes."""
        found: list[Statement | Problem] = []
        *ended, rest = text.split("\n")
        for piece in ended:
            self._keep(piece)
            found += self._line(self._take_partial())
        self._keep(rest)
        return found

    def close(self) -> list[Statement | Problem]:
        """What is left at the end of the text, complete or not."""
        found: list[Statement | Problem] = []
        if self._partial:
            found += self._line(self._take_partial())
        return found + self._end_all()

    def _begin(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._first = 0
        self._indent = 0
        self._block = False
        self._brackets: list[str] = []
        self._broken = False
        self._quote = ""
        self._joined = False

    def _keep(self, piece: str) -> None:
        if piece and self._partial_size <= MAX_STATEMENT:
            self._partial.append(piece)
            self._partial_size += len(piece)

    def _take_partial(self) -> str:
        line = "".join(self._partial).removesuffix("\r")
        self._partial.clear()
        self._partial_size = 0
        return line.removeprefix("\ufeff") if self._number == 0 else line

    def _is_open(self) -> bool:
        return bool(self._brackets or self._quote or self._joined)

    def _line(self, line: str) -> list[Statement | Problem]:
        self._number += 1
        bare = line.strip()
        found: list[Statement | Problem] = []
        if bare.startswith("```") and not self._quote:
            found = self._end_all()
        elif self._lines and not self._is_open():
            if not bare or bare.startswith("#") or self._in_block(line):
                self._append(line)
                return found
            found = self._end()
        if not self._lines:
            if bare.startswith("```"):
                self._after_fence = self._in_fence
                self._in_fence = not self._in_fence
                return found
            if not bare or bare.startswith("#") or self._after_fence:
                return found
            self._first, self._indent = self._number, _indent(line)
            self._block = _first_word(line) in _BLOCKS
        self._append(line)
        if not self._is_open() and not self._block:
            found += self._end()
        return found

    def _in_block(self, line: str) -> bool:
        indent = _indent(line)
        return indent > self._indent or (indent == self._indent and _first_word(line) in _CONTINUES)

    def _append(self, line: str) -> None:
        self._size += len(line) + 1
        if self._size <= MAX_STATEMENT:
            self._lines.append(line)
        elif not self._lines:
            self._lines.append("")
        self._scan(line)

    def _end_all(self) -> list[Statement | Problem]:
        found: list[Statement | Problem] = []
        while self._lines:  # what a broken statement gives back may be open itself
            found += self._end()
        return found

    def _end(self) -> list[Statement | Problem]:
        count = self._last_line()
        lines, swallowed = self._lines[:count], self._lines[count:]
        size, first = self._size, self._first
        self._begin()
        if size > MAX_STATEMENT:
            expected = f"a statement of at most {MAX_STATEMENT} characters"
            at = Position(first)
            return [Problem(code="limit", expected=expected, found=f"{size}", at=at)]
        found: list[Statement | Problem] = [Statement("\n".join(lines).rstrip(), first)]
        return found + self._reread(swallowed, first + len(lines))

    def _scan(self, line: str) -> None:
        """Carry the state of brackets and strings over one line."""
        self._joined = False
        at = 0
        while True:
            if self._quote and (inside := _INSIDE[self._quote].match(line, at)):
                at = inside.end()
            found = (_STRING_END[self._quote] if self._quote else _MARK).search(line, at)
            if found is None or found.group() == "#":
                break
            mark, at = found.group(), found.end()
            if mark == "\\":
                self._joined = at == len(line)
            elif mark == self._quote:
                self._quote = ""
            elif not self._quote:
                self._open_or_close(mark)
        if len(self._quote) == 1 and not self._joined:
            self._quote, self._brackets, self._broken = "", [], True

    def _open_or_close(self, mark: str) -> None:
        if mark in "([{":
            self._brackets.append(mark)
        elif mark in ")]}":
            opened = self._brackets.pop() if self._brackets else ""
            self._broken = self._broken or opened + mark not in ("()", "[]", "{}")
        else:
            self._quote = mark

    def _last_line(self) -> int:
        """How many lines the statement has: a broken one ends where a line begins another."""
        whole = not self._broken and not self._is_open()
        if whole or self._block or self._rereads == 0 or self._size > MAX_STATEMENT:
            return len(self._lines)
        for number, line in enumerate(self._lines[1:], 1):
            begins = _BINDING.match(line, len(line) - len(line.lstrip()))
            if begins and _indent(line) == self._indent and not line.rstrip().endswith(","):
                return number
        return len(self._lines)

    def _reread(self, lines: list[str], first: int) -> list[Statement | Problem]:
        """Read lines again that a bracket left open has swallowed: a few times, to stay linear."""
        if not lines:
            return []
        self._rereads -= 1
        number, self._number = self._number, first - 1
        found = [item for line in lines for item in self._line(line)]
        self._number = number
        return found


def _indent(line: str) -> int:
    line = line.expandtabs(8)
    return len(line) - len(line.lstrip(" "))


def _first_word(line: str) -> str:
    found = _FIRST_WORD.match(line)
    return found.group(1) if found else ""
