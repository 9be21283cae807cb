"""Bounded digests of what nodes came to, for a model to read.

A digest is cut, says the type of what it shows, has artifacts as handles and never as bytes, and
stands in a fence that its content cannot close: results are data, whatever they say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from agentkit.outcome import Outcome
from agentkit.types import Json

MOST_CHARACTERS = 6000
"""Of all digests together; about 1,500 tokens."""

LEAST_CHARACTERS = 120
MOST_ITEMS = 12
MOST_OF_CALL = 160
NOTE_CHARACTERS = 50

_FENCE = re.compile(r"<(?=\s*/?\s*data\b)", re.IGNORECASE)


def digests(
    outcomes: Mapping[str, Outcome],
    *,
    calls: Mapping[str, str] | None = None,
    units: Mapping[str, Sequence[str]] | None = None,
    most_characters: int = MOST_CHARACTERS,
) -> str:
    """All outcomes, fenced, within a number of characters that they share.

    Where so many have no room, the longest are left out and their number is told. `calls` says
    what each came from, as plan text, `units` what it may count: a small model that sees a bare
    number tends to work out another one, or to make dollars of it.

    >>> print(digests({"total": Outcome("value", 42)}, calls={"total": "add(a=40, b=2)"}))
    <data of="total" from="add(a=40, b=2)" type="int">
    42
    </data>
    """
    said = {name: _said(outcome) for name, outcome in outcomes.items()}
    shown: dict[str, str] = {}
    left = most_characters
    # Short ones first, so that what they leave of their share goes to the long ones.
    for done, name in enumerate(sorted(said, key=lambda name: len(said[name][1]))):
        (kind, body), made_by = said[name], (calls or {}).get(name, "")
        counts = (units or {}).get(name, ())
        frame = len(fenced(name, kind, "", made_by, counts)) + NOTE_CHARACTERS
        share = max(LEAST_CHARACTERS, left // (len(said) - done) - frame)
        text = fenced(name, kind, cut(body, share), made_by, counts)
        if len(text) <= left or not shown:
            shown[name] = text
            left -= len(text) + 1
    lines = [shown[name] for name in outcomes if name in shown]
    if len(shown) < len(outcomes):
        lines.append(f"({len(outcomes) - len(shown):,} more results, which have no room here)")
    return "\n".join(lines)


def digest(
    name: str, outcome: Outcome, *, made_by: str = "", most_characters: int = MOST_CHARACTERS
) -> str:
    """One outcome: its value, or how it ended without one."""
    kind, body = _said(outcome)
    return fenced(name, kind, cut(body, most_characters), made_by)


def _said(outcome: Outcome) -> tuple[str, str]:
    """A word for what an outcome is, and its text, harmless in a fence."""
    if outcome.ok:
        return type_word(outcome.value), _harmless(render(outcome.value))
    why = outcome.failure
    said = f"{why.kind}: {why.message}" if why else "no reason given"
    if why and why.cause:
        said += f" (because of {why.cause})"
    return outcome.status, _harmless(said)


def fenced(name: str, kind: str, body: str, made_by: str = "", units: Sequence[str] = ()) -> str:
    """Text as data of a name, in a fence that it can neither close nor open anew."""
    call = _attribute(cut(made_by, MOST_OF_CALL))
    origin = f' from="{call}"' if call else ""
    unit = f' unit="one of: {_attribute(", ".join(units))}"' if units else ""
    head = f'<data of="{_attribute(name)}"{origin}{unit} type="{_attribute(kind)}">'
    return f"{head}\n{_harmless(body)}\n</data>"


def _harmless(text: str) -> str:
    return _FENCE.sub(r"<\\", text)


def _attribute(text: str) -> str:
    """On one line, and without what would end it."""
    return " ".join(re.sub("[<>]", "", text).replace('"', "'").split())


def cut(text: str, most_characters: int) -> str:
    """The text, or its beginning with a note of how much there is."""
    if len(text) <= most_characters:
        return text
    return f"{text[:most_characters].rstrip()}… (cut; {len(text):,} characters in all)"


def render(value: Json) -> str:
    """A value as a person would note it: texts as they are, lists by line, artifacts as handles."""
    match value:
        case str():
            return value.strip()
        case list():
            return _listed(value)
        case dict():
            return _object(value)
        case _:
            return json.dumps(value)


def without_program(value: Json) -> Json:
    """What `compute` came to, without the program, which is for whoever checks it; anything else
    as it is."""
    computed = isinstance(value, dict) and value.keys() == {"value", "code"}
    return cast("dict[str, Json]", value)["value"] if computed else value


def type_word(value: Json) -> str:
    """A word for the type of a value, as `list[dict]`."""
    if isinstance(value, dict) and _is_artifact(value):
        return cut(str(value["media_type"]), MOST_OF_CALL)
    if isinstance(value, list):
        inner = {type_word(item) for item in value}
        return f"list[{inner.pop()}]" if len(inner) == 1 else "list"
    return "None" if value is None else type(value).__name__


def _listed(value: list[Json]) -> str:
    lines = [f"- {_line(item)}" for item in value[:MOST_ITEMS]]
    more = len(value) - MOST_ITEMS
    return "\n".join([*lines, f"… and {more} more"] if more > 0 else lines) or "(an empty list)"


def _line(item: Json) -> str:
    """An element of a list; a passage is its text and where it comes from."""
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        source = f" ({item['source']})" if isinstance(item.get("source"), str) else ""
        return f"{cast('str', item['text']).strip()}{source}"
    return render(item)


def _object(value: dict[str, Json]) -> str:
    if _is_artifact(value):
        name = f" {value.get('name')!r}" if value.get("name") else ""
        preview = f": {value.get('preview')}" if value.get("preview") else ""
        return f"[{value['media_type']}{name}, {value['size_bytes']:,} bytes{preview}]"
    if (plain := without_program(value)) is not value:
        return render(plain)
    text = value.get("text")
    if isinstance(text, str) and text.strip():  # a transcript, a page, a file: its text is it
        return text.strip()
    return "\n".join(f"{name}: {render(part)}" for name, part in value.items())


def _is_artifact(value: Mapping[str, Json]) -> bool:
    texts = isinstance(value.get("sha256"), str) and isinstance(value.get("media_type"), str)
    return texts and isinstance(value.get("size_bytes"), int)
