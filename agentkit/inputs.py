"""What a caller hands to a run, turned into the values and schemas that a plan can refer to."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit.engine.door import readable
from agentkit.errors import UsageError
from agentkit.media import Artifact, handle_schema
from agentkit.protocols import ArtifactStore
from agentkit.types import Json, Schema


def read_inputs(
    inputs: Mapping[str, object], artifacts: ArtifactStore
) -> tuple[dict[str, Json], dict[str, Schema]]:
    """Values and schemas by name. Files go into the artifact store and travel as handles.

    Raises `UsageError` for a name that a plan cannot use, a file that is not there, and a value
    that is not JSON.
    """
    values: dict[str, Json] = {}
    schemas: dict[str, Schema] = {}
    for name, given in inputs.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise UsageError(f"an input's name must be a plain identifier, not {name!r}")
        values[name], schemas[name] = _read(name, given, artifacts)
    return values, schemas


def _read(name: str, given: object, artifacts: ArtifactStore) -> tuple[Json, Schema]:
    from pydantic import TypeAdapter
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if isinstance(given, Path):
        given = _stored(name, given, artifacts)
    kind: Any = type(given)
    try:
        value: Json = to_jsonable_python(given)
    except PydanticSerializationError:
        raise UsageError(
            f"input {name!r} must be JSON data, a dataclass, a pydantic model or a Path; "
            f"it is a {kind.__name__}"
        ) from None
    try:
        readable(value, f"input {name!r}")
    except ValueError as error:
        raise UsageError(str(error)) from None
    if isinstance(given, Artifact):
        return value, handle_schema(given.media_type)
    if isinstance(given, (dict, list, tuple)):
        return value, literal_schema(value)
    return value, TypeAdapter(kind).json_schema()


def _stored(name: str, path: Path, artifacts: ArtifactStore) -> Artifact:
    if path.is_dir():
        raise UsageError(
            f"input {name!r} is a folder, {path}; give a file, or a tool made for the folder"
        )
    if not path.is_file():
        raise UsageError(f"input {name!r}: there is no file {path}; check the path")
    return artifacts.put_file(path)


def literal_schema(value: Json) -> Schema:
    """The narrowest plain schema of a JSON value: what a plan may read from it."""
    match value:
        case None:
            return {"type": "null"}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            kinds: list[Json] = []
            for schema in (dict(literal_schema(item)) for item in value):
                kinds += [] if schema in kinds else [schema]
            if not kinds:
                return {"type": "array"}
            return {"type": "array", "items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}
        case dict():
            properties: dict[str, Json] = {k: dict(literal_schema(v)) for k, v in value.items()}
            return {"type": "object", "properties": properties, "required": [*properties]}
