"""Artifact handles: what stands for bytes in plans, prompts and events.

A tool's parameter annotated `Audio` or `Image` (a `Path` to the bytes), `AudioBytes` or
`ImageBytes` (the bytes), or `Artifact` (the handle) receives what it asks for; in the plan all of
them are one type, an artifact of that media type. A tool that returns one of them returns a new
file's path or the bytes, and the plan goes on with the handle.

    >>> from agentkit.tool import tool
    >>> @tool
    ... def seconds(recording: Audio) -> float:
    ...     "Length of a recording."
    ...     return recording.stat().st_size / 32_000
    >>> seconds.input_schema["properties"]["recording"]["contentMediaType"]
    'audio/*'

pydantic does the work: the store comes in its validation and serialisation context as
`{"artifacts": store}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from agentkit.sniff import HEAD_BYTES
from agentkit.sniff import media_type as sniffed

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import core_schema

    from agentkit.protocols import ArtifactStore

ANY_MEDIA = "*/*"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A handle of stored bytes: content hash, media type, size, a name, a short text preview."""

    sha256: str
    media_type: str
    size_bytes: int
    name: str = ""
    preview: str = ""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return Media(ANY_MEDIA).__get_pydantic_core_schema__(cls, handler)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handle_schema(ANY_MEDIA)


@dataclass(frozen=True, slots=True)
class Media:
    """Marks a `Path`, `bytes` or `Artifact` as an artifact of a media type, `*` standing for any.

    `Annotated[Path, Media("application/pdf")]` is a parameter that receives the path of a PDF.
    Validation raises `ValueError` for a handle of another media type and names both.
    """

    pattern: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        from pydantic_core import core_schema

        if source not in (Path, bytes, Artifact):
            raise TypeError(
                f"Media({self.pattern!r}) marks a Path, bytes or Artifact; found {source!r}"
            )

        def validate(value: object, info: core_schema.ValidationInfo) -> Any:
            if source is not Artifact and isinstance(value, source):
                return value
            artifact = _handle(value, self.pattern)
            if source is Artifact:
                return artifact
            store = _store(info.context)
            return store.path(artifact.sha256) if source is Path else store.read(artifact.sha256)

        def serialise(value: Any, info: core_schema.SerializationInfo) -> dict[str, Any]:
            return asdict(_stored(value, self.pattern, info.context))

        return core_schema.with_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                serialise, info_arg=True, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handle_schema(self.pattern)


Audio: TypeAlias = Annotated[Path, Media("audio/*")]
"""A parameter that receives the path of a recording."""

Image: TypeAlias = Annotated[Path, Media("image/*")]
"""A parameter that receives the path of an image."""

AudioBytes: TypeAlias = Annotated[bytes, Media("audio/*")]
"""A parameter that receives the bytes of a recording."""

ImageBytes: TypeAlias = Annotated[bytes, Media("image/*")]
"""A parameter that receives the bytes of an image."""


NAMED = {"Audio": "audio/*", "Image": "image/*"}
"""What handles of these media types are called in plans and prompts; any other is an Artifact."""


def handle_schema(pattern: str = ANY_MEDIA) -> dict[str, Any]:
    """The JSON Schema of a handle whose media type matches the pattern."""
    text = {"type": "string"}
    schema: dict[str, Any] = {
        "title": next((name for name in NAMED if matches(pattern, NAMED[name])), "Artifact"),
        "type": "object",
        "properties": {
            "sha256": text,
            "media_type": text,
            "size_bytes": {"type": "integer"},
            "name": text,
            "preview": text,
        },
        "required": ["sha256", "media_type", "size_bytes"],
    }
    if pattern != ANY_MEDIA:
        schema["contentMediaType"] = pattern
    return schema


def matches(media_type: str, pattern: str) -> bool:
    """Whether a media type, or a narrower pattern, fits a pattern; parameters are ignored.

    >>> matches("audio/wav", "audio/*"), matches("audio/*", "audio/wav")
    (True, False)
    """
    kind, _, subtype = _bare(media_type).partition("/")
    wanted_kind, _, wanted_subtype = _bare(pattern).partition("/")
    return wanted_kind in ("*", kind) and wanted_subtype in ("*", subtype)


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _handle(value: object, pattern: str) -> Artifact:
    artifact = value if isinstance(value, Artifact) else _from_json(value)
    if not matches(artifact.media_type, pattern):
        raise ValueError(
            f"expected an artifact of media type {pattern!r}, came {artifact.media_type!r}"
            + (f" ({artifact.name})" if artifact.name else "")
        )
    return artifact


def _from_json(value: object) -> Artifact:
    came, fields = type(value).__name__, cast("Mapping[str, Any]", {})
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
    sha256, media_type = fields.get("sha256"), fields.get("media_type")
    size_bytes = fields.get("size_bytes")
    if not (isinstance(sha256, str) and isinstance(media_type, str) and type(size_bytes) is int):
        raise ValueError(
            "expected an artifact handle (an object with sha256, media_type, size_bytes), "
            f"came {came}; pass an input or the result of a tool that makes one"
        )
    name, preview = fields.get("name"), fields.get("preview")
    return Artifact(sha256, media_type, size_bytes, str(name or ""), str(preview or ""))


def _stored(value: object, pattern: str, context: object) -> Artifact:
    if isinstance(value, Path):
        given = None if "*" in pattern else pattern
        artifact = _store(context).put_file(value, media_type=given)
    elif isinstance(value, bytes):
        given = sniffed("", value[:HEAD_BYTES]) if "*" in pattern else pattern
        artifact = _store(context).put(value, media_type=given)
    else:
        artifact = cast("Artifact", value)
    return _handle(artifact, pattern)


def _store(context: object) -> ArtifactStore:
    store = cast("dict[str, Any]", context).get("artifacts") if context else None
    if store is None:
        raise ValueError(
            "an artifact was read or made without a store; "
            "pass pydantic's validation context {'artifacts': store}"
        )
    return cast("ArtifactStore", store)
