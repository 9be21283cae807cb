"""Artifacts: bytes that a run names, sent so that nothing in them can act in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from starlette.responses import FileResponse
from starlette.types import ASGIApp

from agentkit.errors import StoreError
from agentkit.media import Artifact, matches
from agentkit.serve.operation import Call
from agentkit.serve.refused import Refused
from agentkit.serve.runs import events_of
from agentkit.types import Json

_SHOWN = (
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "audio/*", "video/*",
    "application/pdf", "application/json", "text/plain", "text/csv", "text/markdown",
)  # fmt: skip
"""What a browser may show; it saves everything else. No SVG, no HTML: they can act."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",
}
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


async def artifact(call: Call) -> ASGIApp:
    """The bytes, with the media type that the run knows of them."""
    wanted, store = call.path["sha256"], call.server.store
    known = await events_of(call.server, call.path["run"])
    found = next((one for e in known for one in _handles({**e.data}, wanted)), None)
    if found is None:
        raise Refused(404, f"the run names no artifact {wanted!r}", code="artifact_not_found")
    try:
        path = store.artifacts.path(found.sha256)
    except StoreError as error:
        raise Refused(404, str(error), code="artifact_not_found") from None
    kind = found.media_type.partition(";")[0].strip().lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    shown = any(matches(kind, pattern) for pattern in _SHOWN)
    return FileResponse(
        path,
        media_type=kind,
        headers={**_HEADERS, "ETag": f'"{found.sha256}"'},
        filename=found.name or found.sha256[:12],
        content_disposition_type="inline" if shown else "attachment",
    )


def _handles(value: Json, sha256: str) -> Iterator[Artifact]:
    """The handles of these bytes, wherever in the value."""
    match value:
        case {"sha256": str(found), "media_type": str(kind), "size_bytes": int(size)}:
            if found == sha256:
                name = cast("Mapping[str, Any]", value).get("name")
                yield Artifact(found, kind, size, str(name or ""))
        case dict():
            for inner in value.values():
                yield from _handles(inner, sha256)
        case list():
            for inner in value:
                yield from _handles(inner, sha256)
        case _:
            pass
