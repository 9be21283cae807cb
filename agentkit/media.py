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

A picture's size can be part of its type: `Annotated[bytes, image_of(64)]` is `Image[64]` in plans,
and fits no parameter that takes `Image[32]`.

pydantic does the work: the store comes in its validation and serialisation context as
`{"artifacts": store}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from agentkit.sniff import HEAD_BYTES, image_size
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
    Of an image's type the parameters `width` and `height`, in pixels, may be part.
    Validation raises `ValueError` for a handle of another media type and names both, and for an
    image of another size.
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
            _require_size(artifact, self.pattern, info.context)
            if source is Artifact:
                return artifact
            store = _store(info.context)
            return store.path(artifact.sha256) if source is Path else store.read(artifact.sha256)

        def serialise(value: Any, info: core_schema.SerializationInfo) -> dict[str, Any]:
            artifact = _stored(value, self.pattern, info.context)
            _require_size(artifact, self.pattern, info.context)
            return asdict(artifact)

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


def image_of(width: int, height: int | None = None) -> Media:
    """Marks an image of exactly this many pixels; square where only one number is given.

    >>> image_of(64)
    Media(pattern='image/*; width=64; height=64')
    """
    return Media(f"image/*; width={width}; height={height or width}")


NAMED = {"Audio": "audio/*", "Image": "image/*"}
"""What handles of these media types are called in plans and prompts; any other is an Artifact."""


def name_of(pattern: str) -> str:
    """What handles of a media type are called.

    >>> name_of("audio/wav"), name_of("image/*; width=64; height=64"), name_of("application/pdf")
    ('Audio', 'Image[64]', 'Artifact')
    """
    name = next((name for name in NAMED if matches(_bare(pattern), NAMED[name])), "Artifact")
    size = _size(pattern)
    if size is None:
        return name
    return f"{name}[{size[0]}]" if size[0] == size[1] else f"{name}[{size[0]}, {size[1]}]"


def handle_schema(pattern: str = ANY_MEDIA) -> dict[str, Any]:
    """The JSON Schema of a handle whose media type matches the pattern."""
    text = {"type": "string"}
    schema: dict[str, Any] = {
        "title": name_of(pattern),
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
    """Whether a media type, or a narrower pattern, fits a pattern.

    Parameters count where both have them: what one leaves open may be anything.

    >>> matches("audio/wav", "audio/*"), matches("audio/*", "audio/wav")
    (True, False)
    >>> small, any_size = "image/png; width=32", "image/png"
    >>> matches(small, "image/*; width=64"), matches(any_size, "image/*; width=64")
    (False, True)
    """
    kind, _, subtype = _bare(media_type).partition("/")
    wanted_kind, _, wanted_subtype = _bare(pattern).partition("/")
    if wanted_kind not in ("*", kind) or wanted_subtype not in ("*", subtype):
        return False
    have, want = _parameters(media_type), _parameters(pattern)
    return all(have[name] == want[name] for name in have.keys() & want.keys())


def _parameters(media_type: str) -> dict[str, str]:
    _, *rest = media_type.lower().split(";")
    pairs = (one.partition("=") for one in rest)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _size(media_type: str) -> tuple[int, int] | None:
    """Width and height in pixels, where a media type says them."""
    said = _parameters(media_type)
    width, height = said.get("width", ""), said.get("height", "")
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else None


def _require_size(artifact: Artifact, pattern: str, context: object) -> None:
    """Raises `ValueError` where the bytes are an image of another size than the pattern says."""
    wanted = _size(pattern)
    if wanted is None:
        return
    with _store(context).path(artifact.sha256).open("rb") as file:
        found = image_size(_bare(artifact.media_type), file.read(HEAD_BYTES))
    if found != wanted:
        came = "one whose header does not tell" if found is None else f"{found[0]}x{found[1]}"
        raise ValueError(
            f"expected an image of {wanted[0]}x{wanted[1]} pixels, came {came}"
            + (f" ({artifact.name})" if artifact.name else "")
        )


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
        given = None if "*" in pattern else _bare(pattern)
        artifact = _store(context).put_file(value, media_type=given)
    elif isinstance(value, bytes):
        given = sniffed("", value[:HEAD_BYTES]) if "*" in pattern else _bare(pattern)
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
