"""YAML as plain data, from the parser's events alone: no tag is obeyed and nothing is constructed.

Scalars are those of YAML 1.2's core schema, as OpenAPI wants it: `no` is a text and `2020-01-01`
too. Nesting and what aliases expand to are bounded while reading, before any code that recurses
sees the data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from agentkit.errors import UsageError
from agentkit.tools.openapi.refer import is_list, is_mapping, listed
from agentkit.tools.optional import imported
from agentkit.types import Json

MOST_NESTED = 100
MOST_VALUES = 3_000_000
"""Values in a document, each alias counted as what it stands for."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OTHER_INTEGER = re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def yaml_value(text: str) -> Json:
    """The value of a YAML text's first document. Raises `UsageError` where it is none.

    >>> yaml_value("a: &x [1, no]\\nb: *x")
    {'a': [1, 'no'], 'b': [1, 'no']}
    """
    yaml = imported("yaml", feature="reading YAML", package="pyyaml", extra="openapi")
    made = _Made(yaml)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            made.take(event)
            if made.whole:
                break
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise UsageError(f"expected YAML or JSON; {said}") from None
    return made.value


class _Open:
    """A list or a mapping that is not closed yet."""

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None, before: int) -> None:
        self.value, self.anchor, self.before = value, anchor, before
        self.key: str | None = None
        self.merged: list[Any] = []


class _Made:
    """The value as far as the events tell it."""

    def __init__(self, yaml: Any) -> None:
        self.value: Json = None
        self.whole = False
        self._count = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._take: dict[object, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: lambda event: self._begin(event, []),
            yaml.MappingStartEvent: lambda event: self._begin(event, {}),
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
        }

    def take(self, event: Any) -> None:
        take = self._take.get(event.__class__)
        if take is not None:
            take(event)

    def _scalar(self, event: Any) -> None:
        text = str(event.value)
        is_key = self._expects_key()
        value = text if is_key or not event.implicit[0] else _plain(text)
        self._counted(1)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._place(value)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise UsageError(f"the YAML alias *{event.anchor} is part of itself, or of nothing")
        value, size = self._anchors[event.anchor]
        self._counted(size)
        self._place(value)

    def _begin(self, event: Any, value: list[Any] | dict[str, Any]) -> None:
        if len(self._open) == MOST_NESTED:
            raise UsageError(f"expected values nested at most {MOST_NESTED} deep")
        if self._expects_key():
            raise UsageError("expected a text as a key of a mapping; found a list or a mapping")
        self._open.append(_Open(value, event.anchor, self._count))
        self._counted(1)

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        for more in done.merged:
            for key, value in more.items():
                cast("dict[str, Any]", done.value).setdefault(key, value)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._count - done.before)
        self._place(done.value)

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and not self._key_given()

    def _key_given(self) -> bool:
        return self._open[-1].key is not None

    def _place(self, value: Any) -> None:
        if not self._open:
            self.value, self.whole = value, True
            return
        around = self._open[-1]
        if is_list(around.value):
            around.value.append(value)
        elif around.key is None:
            around.key = str(value)
        elif around.key == "<<" and (parts := _mappings(value)) is not None:
            around.merged += parts
            around.key = None
        else:
            around.value[around.key] = value
            around.key = None

    def _counted(self, more: int) -> None:
        self._count += more
        if self._count > MOST_VALUES:
            raise UsageError(f"expected at most {MOST_VALUES:,} values, aliases written out")


def _mappings(value: Any) -> list[Any] | None:
    """What a merge key (`<<`) takes in; None where it is a key like any other."""
    parts = [*listed(value)] if is_list(value) else [value]
    return parts if all(is_mapping(part) for part in parts) else None


def _plain(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text
