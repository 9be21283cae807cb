"""What an operation says its answer is: a value with a schema, a text, a file, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentkit.media import ANY_MEDIA, handle_schema
from agentkit.tools.openapi.body import bare, is_json, is_text
from agentkit.tools.openapi.refer import is_mapping, mapping, resolved
from agentkit.tools.openapi.schema import Schemas


@dataclass(frozen=True, slots=True)
class Answer:
    """`schema` is `{}` where nothing is said; `file` the media type of an answer that is a file."""

    schema: Mapping[str, Any]
    accept: str = "*/*"
    file: str | None = None


def answer_of(responses: Mapping[str, Any], schemas: Schemas, *, reads: bool) -> Answer:
    """The answer where all went well. Raises `Unusable`.

    An operation that only reads may document an empty answer beside a value: then the value is
    what is wanted, and its absence a failure. One that changes something has succeeded either way.
    """
    said = {str(code): response for code, response in responses.items()}
    good = [said[code] for code in sorted(said) if code.startswith("2")]
    if not good and "default" in said:
        good = [said["default"]]
    found = [_one(resolved(schemas.document.data, one), schemas) for one in good]
    full = [one for one in found if one[0] != {"type": "null"}]
    files = [one for one in full if one[2] is not None]
    if files:
        schema, accept, file, _ = files[0]
        return Answer(schema, accept, file)
    chosen = full if full and reads else found
    definitions: dict[str, Any] = {}
    distinct: list[Any] = []
    for schema, _, _, more in chosen:
        definitions |= more
        if schema not in distinct:
            distinct.append(schema)
    accept = next((one[1] for one in full), "*/*")
    if not distinct or {} in distinct or True in distinct:
        return Answer({}, accept)
    schema = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
    return Answer({**schema, "$defs": definitions} if definitions else schema, accept)


_One = tuple[Any, str, str | None, dict[str, Any]]


def _one(response: Mapping[str, Any], schemas: Schemas) -> _One:
    """Schema, what to accept, media type of a file, definitions."""
    content = {str(kind): mapping(one) for kind, one in mapping(response.get("content")).items()}
    for kind, part in content.items():
        raw = part.get("schema")
        if is_json(bare(kind)) or (kind == ANY_MEDIA and not _is_binary(schemas, raw)):
            schema, definitions = schemas.converted({} if raw is None else raw, "from")
            return schema if is_mapping(schema) else {}, kind, None, definitions
    for kind in content:
        if is_text(bare(kind)):
            return {"type": "string"}, kind, None, {}
    for kind in content:
        plain = bare(kind)
        pattern = ANY_MEDIA if plain == "application/octet-stream" else plain
        return handle_schema(pattern), kind, pattern, {}
    return {"type": "null"}, "*/*", None, {}


def _is_binary(schemas: Schemas, raw: object) -> bool:
    given = resolved(schemas.document.data, {} if raw is None else raw)
    return given.get("type") == "string" and given.get("format") == "binary"
