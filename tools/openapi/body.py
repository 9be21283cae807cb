"""What an operation wants sent: the fields of an object as arguments of their own, else `body`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentkit.media import ANY_MEDIA, handle_schema
from agentkit.tools.openapi.operation import Body, Coding
from agentkit.tools.openapi.refer import MOST_STEPS, Unusable, is_mapping, listed, mapping, resolved
from agentkit.tools.openapi.schema import Schemas
from agentkit.tools.openapi.text import identifier, short

_PREFERRED: tuple[Coding, ...] = ("json", "multipart", "form", "text", "bytes")
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


@dataclass(slots=True)
class Arguments:
    """The arguments of a tool while they are collected: their schemas, and which are files."""

    schemas: Schemas
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    required: list[str] = field(default_factory=list[str])
    definitions: dict[str, Any] = field(default_factory=dict[str, Any])
    files: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, wire: str, raw: object, place: str, *, required: bool, about: object) -> str:
        """One argument; its name in the tool. Raises `Unusable`."""
        schema, more = self.schemas.converted(raw, "to")
        self.definitions |= more
        return self._named(wire, schema, place, required, about)

    def add_file(
        self, wire: str, pattern: str, place: str, *, required: bool, about: object, many: bool
    ) -> str:
        """One file, or a list of them."""
        schema: dict[str, Any] = handle_schema(pattern)
        if many:
            schema = {"type": "array", "items": schema}
        name = self._named(wire, schema, place, required, about)
        self.files[name] = pattern
        return name

    def _named(self, wire: str, schema: Any, place: str, required: bool, about: object) -> str:
        name = identifier(wire)
        if name in self.properties:
            name = identifier(f"{wire}_{place}", self.properties)
        if (text := short(about)) and is_mapping(schema):
            schema = {**schema, "description": text}
        self.properties[name] = schema
        if required:
            self.required.append(name)
        return name

    def schema(self) -> dict[str, Any]:
        """The schema of all of them."""
        made: dict[str, Any] = {"type": "object", "properties": self.properties}
        if self.required:
            made["required"] = self.required
        made["additionalProperties"] = False
        return {**made, "$defs": self.definitions} if self.definitions else made


def coding_of(media_type: str) -> Coding | None:
    """How a body of this media type is written; None where it is not known."""
    kind = bare(media_type)
    if is_json(kind) or kind in (ANY_MEDIA, "application/*"):
        return "json"
    if kind in (FORM, MULTIPART):
        return "form" if kind == FORM else "multipart"
    if kind.startswith("multipart/"):
        return None
    return "text" if is_text(kind) else "bytes"


def bare(media_type: str) -> str:
    """Without its parameters."""
    return media_type.partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    return kind in ("application/json", "text/json") or kind.endswith("+json")


def is_text(kind: str) -> bool:
    texts = ("application/xml", "application/yaml", "application/x-yaml", "application/jsonl")
    return kind.startswith("text/") or kind.endswith(("+xml", "+yaml")) or kind in texts


def body_of(given: Mapping[str, Any], arguments: Arguments) -> Body | None:
    """The body, its arguments added to the others. Raises `Unusable`."""
    content = {str(kind): mapping(one) for kind, one in mapping(given.get("content")).items()}
    known: list[tuple[str, Coding | None]] = [(kind, coding_of(kind)) for kind in content]
    found: list[tuple[str, Coding]] = [(kind, one) for kind, one in known if one is not None]
    if not found:
        if content and given.get("required") is True:
            raise Unusable(f"a body of {', '.join(content)} cannot be written")
        return None
    media_type, coding = _best(found)
    part, about = content[media_type], given.get("description")
    required = given.get("required") is True
    if "*" in media_type:
        media_type = "application/json" if coding == "json" else "application/octet-stream"
    if coding in ("text", "bytes"):
        if coding == "text":
            arguments.add("body", {"type": "string"}, "body", required=required, about=about)
        else:
            pattern = ANY_MEDIA if bare(media_type) == "application/octet-stream" else media_type
            arguments.add_file("body", pattern, "body", required=required, about=about, many=False)
        return Body(media_type=media_type, coding=coding)
    whole = merged(arguments.schemas.document.data, part.get("schema", {}))
    if whole is None:
        schema = part.get("schema", {})
        arguments.add("body", schema, "body", required=required, about=about)
        return Body(media_type=media_type, coding=coding)
    fields = _fields(whole, mapping(part.get("encoding")), coding, arguments, required)
    return Body(media_type=media_type, coding=coding, fields=fields)


def _best(found: Sequence[tuple[str, Coding]]) -> tuple[str, Coding]:
    return min(found, key=lambda one: _PREFERRED.index(one[1]))


def _fields(
    whole: Mapping[str, Any],
    encoding: Mapping[str, Any],
    coding: Coding,
    arguments: Arguments,
    body_required: bool,
) -> dict[str, str]:
    fields: dict[str, str] = {}
    for wire, raw in whole["properties"].items():
        if mapping(raw).get("readOnly") is True:
            continue
        required = body_required and wire in whole["required"]
        about = mapping(raw).get("description")
        file = _file(arguments, raw, mapping(encoding.get(wire))) if coding == "multipart" else None
        if file is None:
            name = arguments.add(wire, raw, "body", required=required, about=about)
        else:
            pattern, many = file
            name = arguments.add_file(
                wire, pattern, "body", required=required, about=about, many=many
            )
        fields[name] = wire
    return fields


def merged(root: Mapping[str, Any], raw: object, depth: int = 0) -> Mapping[str, Any] | None:
    """An object's declared fields, those of `allOf` among them; None where it is more than that."""
    given = resolved(root, raw)
    odd = given.keys() & {"anyOf", "oneOf", "not", "if", "patternProperties"}
    loose = given.get("additionalProperties", False) is not False
    if depth > MOST_STEPS or odd or loose or given.get("type", "object") != "object":
        return None
    properties = dict(mapping(given.get("properties")))
    required = [one for one in listed(given.get("required")) if isinstance(one, str)]
    for one in listed(given.get("allOf")):
        part = merged(root, one, depth + 1)
        if part is None:
            return None
        properties = {**part["properties"], **properties}
        required += part["required"]
    if not properties or given.get("nullable") is True:
        return None
    return {"properties": properties, "required": required}


def _file(
    arguments: Arguments, raw: object, encoding: Mapping[str, Any]
) -> tuple[str, bool] | None:
    """The media type of a field that is a file, and whether it is a list of them."""
    root = arguments.schemas.document.data
    given = resolved(root, raw)
    many = given.get("type") == "array"
    one = resolved(root, given.get("items", {})) if many else given
    said = one.get("contentMediaType")
    raw_bytes = isinstance(said, str) and "contentEncoding" not in one
    if one.get("format") != "binary" and not raw_bytes:
        return None
    return _pattern(str(encoding.get("contentType") or said or ANY_MEDIA)), many


def _pattern(said: str) -> str:
    """One pattern for what may be a list of media types."""
    kinds = {bare(one) for one in said.split(",")}
    if len(kinds) == 1:
        kind = kinds.pop()
        return ANY_MEDIA if kind == "application/octet-stream" or "/" not in kind else kind
    families = {kind.partition("/")[0] for kind in kinds}
    return f"{families.pop()}/*" if len(families) == 1 else ANY_MEDIA
