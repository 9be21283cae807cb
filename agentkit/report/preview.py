"""A value made ready to be looked at: short, and as what it is (text, table, tree, file).

>>> preview([{"name": "tea", "euros": 3}, {"name": "cake", "euros": 4}]).columns
('name', 'euros')
>>> preview("x" * 30_000).cut.said
'12,000 of 30,000 characters'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, TypeAlias, cast

from agentkit.media import Artifact
from agentkit.types import Json

MOST_CHARACTERS = 12_000
"""Of a text, and of all texts in one value."""

MOST_ENTRIES = 50
"""Rows of a table, entries of a list or an object."""

MOST_DEEP = 8
MOST_COLUMNS = 8
SHORT = 100
"""A text up to this length is shown in a line."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was left out: how much is shown of how much, and the hash of the whole value's JSON;
    that is empty where the whole was not looked at."""

    said: str
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What a page can show of a file. `address` is a URL made here, never one from the data; with
    `none` it is where the file can be had. `why` says why there is nothing to show."""

    kind: Literal["image", "audio", "video", "text", "none"]
    address: str = ""
    text: str = ""
    why: str = ""


Show: TypeAlias = Callable[[Artifact], Medium]
"""What a page shows of an artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One value. `word`: a number, a truth value, null; `short`: a text of one line; `entries` have
    a name in an object, none in a list; `rows` are of records with these `columns`."""

    kind: Literal["word", "short", "text", "table", "list", "object", "file"]
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Preview | None, ...], ...] = ()
    entries: tuple[tuple[str, Preview], ...] = ()
    file: Artifact | None = None
    medium: Medium | None = None
    cut: Cut | None = None


Cuts: TypeAlias = dict[int, tuple[Json, Cut]]
"""By their ids values that were cut: who shows them again need not read all of them again."""


def preview(value: Json, show: Show | None = None, cuts: Cuts | None = None) -> Preview:
    """The value as a page shows it; without `show` files are named only. `cuts` are known ones, to
    which this one is added."""
    room = _Room(MOST_CHARACTERS, show)
    found = _preview(value, room, 0)
    if not room.left_out:
        return found
    of, known = (cuts or {}).get(id(value), (None, None))
    cut = known if known is not None and of is value else _cut(value, room.left_out)
    if cuts is not None:
        cuts[id(value)] = (value, cut)
    return replace(found, cut=cut)


def _cut(value: Json, left_out: list[str]) -> Cut:
    whole = value.encode(errors="surrogatepass") if isinstance(value, str) else _json(value)
    said = left_out[0] if len(left_out) == 1 else "a part"
    return Cut(said, len(whole), hashlib.sha256(whole).hexdigest())


def json_preview(value: Json) -> Preview:
    """The beginning of the value's JSON, as a text; the rest of a long one is not written."""
    pieces, length = list[str](), 0
    for piece in json.JSONEncoder(indent=1, ensure_ascii=False).iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > MOST_CHARACTERS:
            said = f"the first {MOST_CHARACTERS:,} characters"
            text = "".join(pieces)[:MOST_CHARACTERS]
            return Preview(kind="text", text=text, cut=Cut(said))
    return Preview(kind="text", text="".join(pieces))


@dataclass(slots=True)
class _Room:
    """How many characters there is room for still, and what was left out."""

    left: int
    show: Show | None
    left_out: list[str]

    def __init__(self, left: int, show: Show | None) -> None:
        self.left, self.show, self.left_out = left, show, []

    def text(self, text: str) -> str:
        """As much of it as there is room for."""
        most = max(self.left, 0)
        self.left -= len(text)
        if len(text) <= most:
            return text
        self.left_out.append(f"{most:,} of {len(text):,} characters")
        return text[:most]

    def entries(self, count: int) -> int:
        """How many of so many entries there is room for."""
        most = min(MOST_ENTRIES, max(self.left // 4, 1))
        if count > most:
            self.left_out.append(f"{most:,} of {count:,} entries")
        return most


def _preview(value: Json, room: _Room, deep: int) -> Preview:
    match value:
        case None | bool() | int() | float():
            word = room.text(json.dumps(value))
            return Preview(kind="word", text=word)
        case str():
            text = room.text(value)
            short = len(value) <= SHORT and "\n" not in value
            return Preview(kind="short" if short else "text", text=text)
        case list():
            return _list(value, room, deep)
        case dict():
            file = artifact_of(value)
            return _object(value, room, deep) if file is None else _file(file, room)


def _list(value: list[Json], room: _Room, deep: int) -> Preview:
    if deep >= MOST_DEEP:
        return _deep(value, room)
    columns = _columns(value)
    shown = value[: room.entries(len(value))]
    if not columns:
        entries = tuple(("", _preview(each, room, deep + 1)) for each in shown)
        return Preview(kind="list", entries=entries, text=_count(value))
    records = cast("list[dict[str, Json]]", shown)
    rows = tuple(
        tuple(_preview(each[name], room, deep + 1) if name in each else None for name in columns)
        for each in records
    )
    return Preview(kind="table", columns=columns, rows=rows, text=_count(value))


def _columns(value: list[Json]) -> tuple[str, ...]:
    """The columns where the list is one of records, small ones that fit into cells."""
    first = value[:MOST_ENTRIES]
    if not first or not all(isinstance(each, dict) and each for each in first):
        return ()
    records = cast("list[dict[str, Json]]", first)
    names = dict.fromkeys(name for each in records for name in each)
    if len(names) > MOST_COLUMNS or any(artifact_of(each) is not None for each in records):
        return ()
    common = sum(len(each) for each in records) >= 0.6 * len(names) * len(records)
    small = all(_is_small(cell) for each in records for cell in each.values())
    return tuple(names) if common and small else ()


def _is_small(cell: Json) -> bool:
    if isinstance(cell, dict):
        return artifact_of(cell) is not None
    if isinstance(cell, list):
        return len(cell) <= 3 and all(not isinstance(each, list | dict) for each in cell)
    return not isinstance(cell, str) or len(cell) <= 600


def _object(value: dict[str, Json], room: _Room, deep: int) -> Preview:
    if deep >= MOST_DEEP:
        return _deep(value, room)
    shown = islice(value.items(), room.entries(len(value)))
    entries = tuple((room.text(name), _preview(each, room, deep + 1)) for name, each in shown)
    return Preview(kind="object", entries=entries, text=_count(value))


def _deep(value: Json, room: _Room) -> Preview:
    return Preview(kind="short", text=room.text(_json(value).decode(errors="replace")))


def _file(file: Artifact, room: _Room) -> Preview:
    room.left -= 50
    return Preview(kind="file", file=file, medium=None if room.show is None else room.show(file))


def artifact_of(value: Json) -> Artifact | None:
    """The artifact whose handle the value is, if it is one."""
    if not isinstance(value, dict) or not _HANDLE <= value.keys() <= _FIELDS:
        return None
    fields: dict[str, Any] = value
    texts = all(isinstance(fields[name], str) for name in value.keys() - {"size_bytes"})
    return Artifact(**fields) if texts and type(fields["size_bytes"]) is int else None


_HANDLE = {"sha256", "media_type", "size_bytes"}
_FIELDS = {*_HANDLE, "name", "preview"}


def _count(value: list[Json] | dict[str, Json]) -> str:
    noun = "entry" if len(value) == 1 else "entries"
    return f"{len(value):,} {noun}"


def _json(value: Json) -> bytes:
    return json.dumps(value).encode()
