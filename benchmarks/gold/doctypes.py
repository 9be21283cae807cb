"""The types that tool descriptions in the data sets write, as JSON Schemas.

They are written as people write them: Python's, Java's and JavaScript's names, any case, and notes
where a schema would have keywords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_KINDS = {
    "object": "object dict hashmap map",
    "array": "array list tuple arraylist",
    "string": "string str char enum date",
    "integer": "integer int long short byte bigint",
    "number": "number float double",
    "boolean": "boolean bool",
}
KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}

LISTS = ("enum", "allowed_values", "possible_values")
KEPT = ("minimum", "maximum", "default", "format")


def schema_of(doc: Mapping[str, Any] | str) -> dict[str, Any]:
    """The schema of one described parameter or field; a type that says nothing accepts anything.

    >>> schema_of({"type": "tuple", "items": {"type": "float"}})
    {'type': 'array', 'items': {'type': 'number'}}
    """
    if isinstance(doc, str):  # the type alone
        doc = {"type": doc}
    words = str(doc.get("type") or "any").split()
    kind = KIND_OF.get(words[0].lower())
    schema: dict[str, Any] = {} if kind is None else {"type": kind}
    listed = next((doc[name] for name in LISTS if doc.get(name)), None)
    if isinstance(listed, list) and listed:
        schema["enum"] = listed
    for keyword in KEPT:
        if keyword in doc:
            schema[keyword] = doc[keyword]
    if isinstance(doc.get("items"), Mapping):
        schema["items"] = schema_of(doc["items"])
    if isinstance(doc.get("properties"), Mapping):
        schema |= fields_of(doc["properties"], doc.get("required"))
    return schema


def fields_of(properties: Mapping[str, Any], required: Any = None) -> dict[str, Any]:
    """`properties` and `required` of an object; some mark each field, some list the required."""
    marked = {
        name
        for name, doc in properties.items()
        if isinstance(doc, Mapping) and cast("Any", doc).get("required") is True
    }
    listed = cast("list[str]", required) if isinstance(required, list) else marked
    return {
        "properties": {name: schema_of(doc) for name, doc in properties.items()},
        "required": [name for name in properties if name in listed],
    }
