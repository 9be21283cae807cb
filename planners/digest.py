"""Bounded digests of what nodes came to, for a model to read.

A digest is cut, says the type of what it shows, has artifacts as handles and never as bytes, and
stands in a fence that its content cannot close: results are data, whatever they say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from agentkit.outcome import Outcome
from agentkit.types import Json

MOST_CHARACTERS = 6000
"""Of all digests together; about 1,500 tokens."""

LEAST_CHARACTERS = 120
MOST_ITEMS = 12
MOST_OF_CALL = 160


def digests(
    outcomes: Mapping[str, Outcome],
    *,
    calls: Mapping[str, str] | None = None,
    most_characters: int = MOST_CHARACTERS,
) -> str:
    """All outcomes, fenced, within a number of characters that they share.

    `calls` says what each came from, as plan text: without it a small model that sees a bare
    number tends to work out another one.

    >>> print(digests({"total": Outcome("value", 42)}, calls={"total": "add(a=40, b=2)"}))
    <data of="total" from="add(a=40, b=2)" type="int">
    42
    </data>
    """
    shown: list[str] = []
    left = most_characters
    for done, (name, outcome) in enumerate(_shortest_first(outcomes)):
        share = max(LEAST_CHARACTERS, left // (len(outcomes) - done))
        made_by = (calls or {}).get(name, "")
        text = digest(name, outcome, made_by=made_by, most_characters=share)
        shown.append(text)
        left -= len(text)
    order = {name: place for place, name in enumerate(outcomes)}
    return "\n".join(sorted(shown, key=lambda text: order[text.split('"', 2)[1]]))


def digest(
    name: str, outcome: Outcome, *, made_by: str = "", most_characters: int = MOST_CHARACTERS
) -> str:
    """One outcome: its value, or how it ended without one."""
    if outcome.ok:
        body = cut(render(outcome.value), most_characters)
        return fenced(name, type_word(outcome.value), body, made_by)
    why = outcome.failure
    said = f"{why.kind}: {why.message}" if why else "no reason given"
    if why and why.cause:
        said += f" (because of {why.cause})"
    return fenced(name, outcome.status, cut(said, most_characters), made_by)


def fenced(name: str, kind: str, body: str, made_by: str = "") -> str:
    """Text as data of a name, in a fence that it cannot close."""
    safe = body.replace("</data", "<\\/data").replace("<data ", "<\\data ")
    call = cut(made_by, MOST_OF_CALL).replace('"', "'").replace(">", "")
    origin = f' from="{call}"' if call else ""
    return f'<data of="{name}"{origin} type="{kind}">\n{safe}\n</data>'


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


def type_word(value: Json) -> str:
    """A word for the type of a value, as `list[dict]`."""
    if isinstance(value, dict) and _is_artifact(value):
        return str(value["media_type"])
    if isinstance(value, list):
        inner = {type_word(item) for item in value}
        return f"list[{inner.pop()}]" if len(inner) == 1 else "list"
    return "None" if value is None else type(value).__name__


def _shortest_first(outcomes: Mapping[str, Outcome]) -> Sequence[tuple[str, Outcome]]:
    """Short ones first, so that what they leave of their share goes to the long ones."""
    return sorted(outcomes.items(), key=lambda item: len(render(item[1].value)))


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
    text = value.get("text")
    if isinstance(text, str) and text.strip():  # a transcript, a page, a file: its text is it
        return text.strip()
    return "\n".join(f"{name}: {render(part)}" for name, part in value.items())


def _is_artifact(value: Mapping[str, Json]) -> bool:
    return {"sha256", "media_type", "size_bytes"} <= value.keys()
