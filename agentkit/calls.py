"""Validation of calls and results of tools made from typed functions.

Arguments are validated strictly, as JSON: an integer is a float and 3.0 an integer, a string is a
date where a date is wanted, but a string is never a number. Results come from Python code and are
validated leniently, then dumped to JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from agentkit.errors import AgentkitError
from agentkit.nearest import nearest

if TYPE_CHECKING:
    from agentkit.tool import Context
    from agentkit.types import Json

Prepare = Callable[[Mapping[str, "Json"], "Context"], dict[str, Any]]
Finish = Callable[[Any, "Context"], "Json"]

SHOWN_PROBLEMS = 5
SHOWN_CHARACTERS = 60
PLAIN = frozenset(("str", "int", "bool", "none"))
"""Schemas whose values are JSON as they are, once they are validated."""


def preparer(
    arguments: TypeAdapter[dict[str, Any]], names: frozenset[str], injected: str | None
) -> Prepare:
    """Validates a JSON object into keyword arguments; `injected` is the context's parameter."""

    def prepare(args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        kwargs: dict[str, Any] = _validated(arguments, names, args, context)
        if injected is not None:
            kwargs[injected] = context
        return kwargs

    return prepare


def item_preparer(item: TypeAdapter[Any], names: frozenset[str], parameter: str) -> Prepare:
    """Validates a JSON object into one item of a batch, under the function's parameter."""

    def prepare(args: Mapping[str, Json], context: Context) -> dict[str, Any]:
        return {parameter: _validated(item, names, args, context)}

    return prepare


def finisher(result: TypeAdapter[Any]) -> Finish:
    """Validates what a function returned and dumps it to JSON, artifacts to the store."""
    schema = result.core_schema
    plain = schema["type"] in PLAIN and "serialization" not in schema

    def finish(value: Any, context: Context) -> Json:
        store = {"artifacts": context.artifacts}
        try:
            checked = result.validator.validate_python(value, context=store)
        except ValidationError as error:
            raise ValueError(_explained(error, "result")) from None
        if plain:
            return cast("Json", checked)
        try:
            return cast(
                "Json",
                result.serializer.to_python(
                    checked, mode="json", context=store, by_alias=True, warnings="error"
                ),
            )
        except PydanticSerializationError as error:
            if isinstance(error.__cause__, AgentkitError):
                raise error.__cause__ from None  # the store's failure, not the value's
            raise ValueError(f"result: has no JSON form: {error}") from error

    return finish


def _validated(
    adapter: TypeAdapter[Any], names: frozenset[str], args: Mapping[str, Json], context: Context
) -> Any:
    if not args.keys() <= names:
        raise ValueError(_unknown(args.keys() - names, names))
    store = {"artifacts": context.artifacts}
    try:
        return adapter.validator.validate_json(to_json(args), strict=True, context=store)
    except ValidationError as error:
        failed = error
    if any(_wants_integer(detail) for detail in failed.errors(include_url=False)):
        whole = to_json(_with_integers(dict(args)))
        try:
            return adapter.validator.validate_json(whole, strict=True, context=store)
        except ValidationError as error:
            failed = error
    raise ValueError(_explained(failed, "argument")) from None


def _wants_integer(detail: Mapping[str, Any]) -> bool:
    value = detail["input"]
    return detail["type"] == "int_type" and isinstance(value, float) and value.is_integer()


def _with_integers(value: Json) -> Json:
    """The same JSON value with 3.0 written as 3, as JSON Schema understands integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_with_integers(item) for item in value]
        case dict():
            items = value.items()
            return {key: _with_integers(item) for key, item in items}
        case _:
            return value


def _unknown(unknown: set[str], names: frozenset[str]) -> str:
    name = min(unknown)
    near = nearest(name, names)
    hint = f"; did you mean {near!r}?" if near else f"; there are {', '.join(sorted(names))}"
    return f"argument {name}: there is no such parameter{hint if names else ''}"


def _explained(error: ValidationError, what: str) -> str:
    details = error.errors(include_url=False)
    lines = [_explanation(cast("Any", detail), what) for detail in details[:SHOWN_PROBLEMS]]
    if len(details) > SHOWN_PROBLEMS:
        lines.append(f"and {len(details) - SHOWN_PROBLEMS} more")
    return "; ".join(lines)


def _explanation(detail: Mapping[str, Any], what: str) -> str:
    steps: tuple[str | int, ...] = detail["loc"]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    place = f"{what} {path.lstrip('.')}" if path else what
    if detail["type"] == "missing":
        return f"{place}: is missing"
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    expected = message if message.startswith("expected") else f"expected {message}"
    if detail["type"] == "value_error":
        return f"{place}: {message}"
    came = repr(detail["input"])
    if len(came) > SHOWN_CHARACTERS:
        came = came[:SHOWN_CHARACTERS] + "…"
    return f"{place}: {expected}, came {came}"
