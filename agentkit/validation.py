"""Arguments and results of tools that come with raw JSON Schemas (Draft 2020-12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

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
        plain = dict(args)
        _check(compiled(), plain, "argument")
        return plain

    return prepare


def finisher(schema: Schema) -> Callable[[Any, Context], Json]:
    """A function that validates a result; the validator is compiled at its first call."""
    compiled = cache(lambda: _compiled(schema))

    def finish(result: Any, context: Context) -> Json:
        _check(compiled(), result, "result")
        return cast("Json", result)

    return finish


def _compiled(schema: Schema) -> Draft202012Validator:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise UsageError(
            f"expected a JSON Schema (Draft 2020-12); at {where or 'the top'}: {error.message}"
        ) from error
    return Draft202012Validator(schema)


def _check(validator: Draft202012Validator, value: Any, what: str) -> None:
    errors: list[ValidationError] = list(cast("Any", validator).iter_errors(value))
    if errors:
        raise ValueError("; ".join(_sentence(error, what) for error in errors[:5]))


def _sentence(error: ValidationError, what: str) -> str:
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
    )
    return f"{what} {path.lstrip('.')}: {error.message}" if path else f"{what}: {error.message}"
