"""What an MCP server answers, as plain JSON; pictures, recordings and resources as artifacts."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from agentkit.errors import ToolError
from agentkit.media import handle_schema
from agentkit.sniff import HEAD_BYTES, media_type
from agentkit.types import Json, Schema

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

    from agentkit.protocols import ArtifactStore

MOST_SAID = 2000
"""Characters of a tool's own error."""

CONTENT: Schema = {
    "title": "Content",
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "files": {"type": "array", "items": handle_schema()},
    },
    "required": ["text", "files"],
}
"""What a tool without an output schema gives: all its texts, and whatever is no text."""


def opened(schema: Schema) -> Schema:
    """The output schema with room for the files that may come beside a structured result."""
    return {key: value for key, value in schema.items() if key != "additionalProperties"}


def value_of(
    result: CallToolResult, name: str, artifacts: ArtifactStore, *, structured: bool
) -> Json:
    """The result as JSON. Raises `ToolError` with what the tool says went wrong."""
    text = "\n".join(said for block in result.content if (said := _text(block)))
    if result.is_error:
        said = text[:MOST_SAID] or "it did not say what"
        raise ToolError(f"{name} says: {said}")
    files = [file for block in result.content for file in _files(block, name, artifacts)]
    if not structured:
        return {"text": text, "files": files}
    value = cast("Json", result.structured_content)
    named = json.dumps(value)  # a server of agentkit's gives handles, and the files beside them
    more: list[Json] = [one for one in files if cast("Any", one)["sha256"] not in named]
    if more and isinstance(value, dict):
        value.setdefault("files", more)
    return value


def _text(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "resource_link":
            return f"{block.title or block.name}: {block.uri}"
        case "resource":
            return str(getattr(block.resource, "text", ""))
        case _:
            return ""


def _files(block: ContentBlock, name: str, artifacts: ArtifactStore) -> list[Json]:
    match block.type:
        case "image" | "audio":
            data, kind, called = _bytes(block.data, name), block.mime_type, ""
        case "resource":
            resource: Any = block.resource
            text = getattr(resource, "text", None)
            data = _bytes(resource.blob, name) if text is None else text.encode()
            kind, called = resource.mime_type or "", str(resource.uri).rpartition("/")[2]
        case _:
            return []
    kind = kind if _is_media_type(kind) else media_type(called, data[:HEAD_BYTES])
    return [cast("Json", asdict(artifacts.put(data, media_type=kind, name=called[:100])))]


def _bytes(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ToolError(f"{name}: expected a file in base64; came something else") from error


def _is_media_type(text: str) -> bool:
    kind, slash, subtype = text.partition(";")[0].strip().partition("/")
    return bool(slash) and kind.isalnum() and subtype.replace("-", "").replace("+", "") != ""
