"""Arguments and results of tools that come with raw JSON Schemas (Draft 2020-12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticSerializationError, to_jsonable_python

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from agentkit.tool import Context
    from agentkit.types import Json, Schema


def preparer(schema: Schema) -> Callable[[Mapping[str, Json], Context], dict[str, Any]]:
    """A function that validates arguments; the validator is compiled at its first call."""
    compiled = cache(lambda: _compiled(schema))

    def prepare(args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        plain = deepcopy(dict(args))  # the tool may change them; other nodes have the same values
        _check(compiled(), plain, "argument")
        return plain

    return prepare


def finisher(schema: Schema) -> Callable[[Any, Context], Json]:
    """A function that makes a result plain JSON of its own and validates it; the validator is
    compiled at its first call."""
    compiled = cache(lambda: _compiled(schema))

    def finish(result: Any, context: Context) -> Json:
        try:
            plain: Json = to_jsonable_python(result)
        except PydanticSerializationError as error:
            raise ValueError(f"result: has no JSON form: {error}") from error
        _check(compiled(), plain, "result")
        return plain

    return finish


def _compiled(schema: Schema) -> Draft202012Validator:
    from jsonschema import Draft202012Validator, SchemaError
    from referencing import Registry

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise UsageError(
            f"expected a JSON Schema (Draft 2020-12); at {where or 'the top'}: {error.message}"
        ) from error
    # Without a registry of its own jsonschema fetches what a `$ref` names, from wherever that is.
    return Draft202012Validator(schema, registry=Registry())


def _check(validator: Draft202012Validator, value: Any, what: str) -> None:
    errors: list[ValidationError] = list(cast("Any", validator).iter_errors(value))
    if errors:
        raise ValueError("; ".join(_sentence(error, what) for error in errors[:5]))


def _sentence(error: ValidationError, what: str) -> str:
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
    )
    return f"{what} {path.lstrip('.')}: {error.message}" if path else f"{what}: {error.message}"
