"""References inside one document; nothing else is ever opened because a document names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from typing_extensions import TypeIs

MOST_STEPS = 32


class Unusable(Exception):
    """Why an operation cannot become a tool."""


def target(root: Mapping[str, Any], reference: object) -> Any:
    """What a reference points at. Raises `Unusable`.

    >>> target({"a": {"b/c": [7]}}, "#/a/b~1c/0")
    7
    """
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise Unusable(f"the reference {reference!r} leads out of the document")
    found: Any = root
    for step in filter(None, reference[1:].split("/")):
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if is_mapping(found) and key in found:
            found = found[key]
        elif key.isdecimal() and int(key) < len(listed(found)):
            found = listed(found)[int(key)]
        else:
            raise Unusable(f"the reference {reference!r} leads nowhere")
    return found


def resolved(root: Mapping[str, Any], given: object) -> Mapping[str, Any]:
    """The object itself, or the one that its `$ref` leads to. Raises `Unusable`."""
    for _ in range(MOST_STEPS):
        if not is_mapping(given):
            raise Unusable(f"expected an object in the document, came {type(given).__name__}")
        if "$ref" not in given:
            return given
        given = target(root, given["$ref"])
    raise Unusable("a reference leads to itself")


def is_mapping(value: object) -> TypeIs[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[Any]]:
    return isinstance(value, list)


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: documents have odd places."""
    return value if is_mapping(value) else {}


def listed(value: object) -> Sequence[Any]:
    """The value where it is a list, else an empty one."""
    return value if is_list(value) else []
