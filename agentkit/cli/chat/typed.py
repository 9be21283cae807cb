"""What a line that was typed means: a command, files that were dropped, or a turn."""

from __future__ import annotations

import keyword
import re
import shlex
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit


def command_of(line: str) -> tuple[str, str] | None:
    """The name and the rest of `/name rest`; None where the line is none of that form.

    >>> command_of("/use  work ")
    ('use', 'work')
    >>> command_of("/tmp/notes.txt") is command_of("and/or") is None
    True
    """
    found = re.fullmatch(r"/(\w+)(?:\s+(.*))?", line.strip(), re.DOTALL)
    return (found[1], (found[2] or "").strip()) if found else None


def dropped(line: str) -> Sequence[Path]:
    """The files of a line that is nothing but absolute paths of files, as terminals write them
    where files are dropped: quoted, escaped, or as `file://` URLs."""
    paths = [_local(word) for word in _words(line)]
    return paths if paths and all(path.is_absolute() and is_file(path) for path in paths) else ()


def paths_of(text: str) -> Sequence[Path]:
    """The paths after `/file`: one whose name has spaces as it stands, or several in quotes."""
    whole = _local(text)
    return [whole] if is_file(whole) else [_local(word) for word in _words(text)]


def is_file(path: Path) -> bool:
    """Whether there is such a file; no text that was pasted makes this fail."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def name_for(path: Path, taken: Container[str]) -> str:
    """A name by which a plan can use the file.

    >>> name_for(Path("My notes (2).pdf"), ())
    'my_notes_2'
    >>> name_for(Path("2026.csv"), ("file_2026",))
    'file_2026_2'
    """
    stem = re.sub(r"\W+", "_", path.stem.lower(), flags=re.ASCII).strip("_")
    name = (
        stem if stem.isidentifier() and not keyword.iskeyword(stem) else f"file_{stem}".strip("_")
    )
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name}_{number}"
    return found


def _local(word: str) -> Path:
    if word.startswith("file://"):
        return Path(unquote(urlsplit(word).path))
    with suppress(RuntimeError):  # ~ of nobody
        return Path(word).expanduser()
    return Path(word)


def _words(text: str) -> Sequence[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is not closed: a sentence
        return text.split()
