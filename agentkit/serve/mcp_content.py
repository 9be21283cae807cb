"""What a run came to, as the content of an MCP result: text, pictures, recordings, resources."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentkit.media import Artifact, matches
from agentkit.sniff import is_text
from agentkit.types import Json

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

    from agentkit.protocols import ArtifactStore

MOST_FILE_BYTES = 8 * 1024 * 1024
"""A larger file is named in the text and stays in the store."""
MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a run came to: as it is told, as structured content, and where more files are named."""

    told: Json
    structured: Json
    beside: tuple[Json, ...]


async def result_of(found: Found, artifacts: ArtifactStore) -> CallToolResult:
    """The result of a call; the files that it names come along."""
    from mcp_types import CallToolResult, TextContent

    told = found.told
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    named = [one for value in (told, *found.beside) for one in _handles(value)]
    files = [
        await asyncio.to_thread(_block, one, artifacts)
        for one in list(dict.fromkeys(named))[:MOST_FILES]
        if one.size_bytes <= MOST_FILE_BYTES
    ]
    return CallToolResult(
        content=[TextContent(text=text), *files], structured_content=found.structured
    )


def failed(message: str) -> CallToolResult:
    """A call that failed, told in a way that the client's model can mend."""
    from mcp_types import CallToolResult, TextContent

    return CallToolResult(content=[TextContent(text=message)], is_error=True)


def handle(value: Json) -> Artifact | None:
    """The artifact that a value is the handle of."""
    if not isinstance(value, dict):
        return None
    match value:
        case {"sha256": str(sha256), "media_type": str(kind), "size_bytes": int(size)}:
            return Artifact(sha256, kind, size, str(value.get("name") or ""))
        case _:
            return None


def _handles(value: Json) -> Iterator[Artifact]:
    found = handle(value)
    if found is not None:
        yield found
    elif isinstance(value, list | dict):
        for one in value if isinstance(value, list) else value.values():
            yield from _handles(one)


def _block(artifact: Artifact, artifacts: ArtifactStore) -> ContentBlock:
    from mcp_types import (
        AudioContent,
        BlobResourceContents,
        EmbeddedResource,
        ImageContent,
        TextResourceContents,
    )

    kind, data = artifact.media_type, artifacts.read(artifact.sha256)
    encoded = base64.b64encode(data).decode()
    if matches(kind, "image/*"):
        return ImageContent(data=encoded, mime_type=kind)
    if matches(kind, "audio/*"):
        return AudioContent(data=encoded, mime_type=kind)
    uri = f"artifact:{artifact.sha256}"
    if is_text(kind):
        text = data.decode("utf-8", "replace")
        return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=kind, text=text))
    return EmbeddedResource(resource=BlobResourceContents(uri=uri, mime_type=kind, blob=encoded))
