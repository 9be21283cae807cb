"""A value that fits a JSON Schema, for trying out tools that come with one."""

from __future__ import annotations

from typing import Any

TEXTS = {
    "date": "2026-11-27",
    "date-time": "2026-11-27T09:00:00Z",
    "uuid": "12345678-1234-5678-1234-567812345678",
    "uri": "https://x.example/",
    "email": "ann@x.example",
}
MOST_DEPTH = 12


def sample(schema: Any, root: Any, handle: Any, depth: int = 0) -> Any:
    """A value of the schema, with what it requires only; `handle` stands for a file.

    >>> sample({"type": "array", "items": {"type": "integer", "minimum": 3}}, {}, None)
    [3]
    """
    if schema in (True, {}) or depth > MOST_DEPTH:
        return None
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return sample(root["$defs"][name], root, handle, depth + 1)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if schema.get(word):
            return sample(schema[word][0], root, handle, depth + 1)
    return _plain(_merged(schema, root), root, handle, depth)


def _merged(schema: Any, root: Any) -> Any:
    """The schema with the demands of its `allOf` in one."""
    found: dict[str, Any] = {"properties": {}, "required": []}
    for part in schema.get("allOf", ()):
        if "$ref" in part:
            part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
        more = _merged(part, root)
        for name, one in more.get("properties", {}).items():
            known = found["properties"].get(name)
            found["properties"][name] = one if known is None else {"allOf": [known, one]}
        found["required"] += more.get("required", [])
        found |= {key: one for key, one in more.items() if key not in found}
    if not schema.get("allOf"):
        return schema
    own = {key: one for key, one in schema.items() if key != "allOf"}
    properties = {**found["properties"], **own.get("properties", {})}
    required = [*found["required"], *own.get("required", [])]
    whole = {**found, **own, "properties": properties, "required": required}
    return {key: one for key, one in whole.items() if one or key not in ("properties", "required")}


def _plain(schema: Any, root: Any, handle: Any, depth: int) -> Any:
    said = schema.get("type")
    kind: Any = said if isinstance(said, str | None) else said[0]
    if schema.get("title") in ("Artifact", "Image", "Audio") and "properties" in schema:
        media = schema.get("contentMediaType", "image/png").replace("*", "png")
        return {**handle, "media_type": media}
    if kind == "object" or "properties" in schema:
        return _object(schema, root, handle, depth)
    if kind == "array":
        one = sample(schema.get("items", {}), root, handle, depth + 1)
        return [one] * schema.get("minItems", 1 if depth < 3 else 0)
    if kind == "string":
        text = TEXTS.get(schema.get("format", ""), "text").ljust(schema.get("minLength", 1), "x")
        return text[: schema.get("maxLength", len(text))]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(low, schema.get("maximum", low))
    return True if kind == "boolean" else None if kind == "null" else "text"


def _object(schema: Any, root: Any, handle: Any, depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    return {
        name: sample(fields.get(name, {}), root, handle, depth + 1)
        for name in schema.get("required", ())
    }
