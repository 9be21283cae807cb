"""From a typed function and its docstring to schemas, and to validation of calls and results."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Union, get_args, get_origin

from pydantic import Field, JsonValue, TypeAdapter, WithJsonSchema
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict

from agentkit.calls import finisher, item_preparer, preparer
from agentkit.errors import UsageError
from agentkit.tool import Context, name_of, unfilled
from agentkit.types import Json

if TYPE_CHECKING:
    from docstring_parser import Docstring

    from agentkit.types import Schema

NOTHING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function's signature and docstring say about the tool it makes."""

    description: str
    input_schema: Schema
    output_schema: Schema
    prepare: Callable[[Mapping[str, Json], Context], dict[str, Any]]
    finish: Callable[[Any, Context], Json]
    context: bool
    """Whether it takes a `Context`."""


def signature(
    function: Callable[..., Any], local_names: Mapping[str, Any], *, batch: bool = False
) -> Signature:
    """Read a function; `local_names` resolves hints that name what its caller defined.

    With `batch` the function takes one `Sequence[Item]` and returns a list of results: the
    signature is that of one item, whose fields are the arguments; an item without fields, or a
    file, is itself the one argument, and has the name of the parameter. Raises `UsageError` that
    names the function and the parameter.
    """
    name = name_of(function)
    hints = _hints(function, local_names, name)
    docs = _docstring(function)
    parameters = _parameters(function, hints, name)
    injected = next((key for key in parameters if _is_context(hints[key])), None)
    if "return" not in hints:
        raise UsageError(f"{name}: the result has no annotation; write `-> type` (or `-> Any`)")
    if batch:
        item, result = _batch_types(name, parameters, hints)
        (parameter,) = parameters
        what = f"{name}: the items of {parameter!r}"
        adapter = _adapter(item, what)
        if _has_fields(adapter, what):
            input_schema = _object_schema(adapter, what)
            prepare = item_preparer(adapter, frozenset(input_schema["properties"]), parameter)
        else:
            adapter = _arguments(name, parameters, {parameter: item}, docs)
            input_schema = _object_schema(adapter, name)
            prepare = preparer(adapter, frozenset(parameters), None)
    else:
        result = hints["return"]
        fields = {key: p for key, p in parameters.items() if key != injected}
        adapter = _arguments(name, fields, hints, docs)
        input_schema = _with_defaults(_object_schema(adapter, name), fields, hints)
        prepare = preparer(adapter, frozenset(fields), injected)
    output = _adapter(result, f"{name}: the result")
    output_schema = _json_schema(output, "serialization", f"{name}: the result")
    if docs.returns and docs.returns.description:
        output_schema.setdefault("description", docs.returns.description)
    return Signature(
        description=_description(docs),
        input_schema=input_schema,
        output_schema=output_schema,
        prepare=prepare,
        finish=finisher(output),
        context=injected is not None,
    )


def _hints(
    function: Callable[..., Any], local_names: Mapping[str, Any], name: str
) -> dict[str, Any]:
    target = unfilled(function)
    if isinstance(target, type):
        raise UsageError(
            f"{name} is a class, and a tool is a function; write one that makes a {name} and calls "
            "it, or give an object that can be called"
        )
    if not inspect.isroutine(target):
        target = type(target).__call__
    names = dict(local_names)
    if getattr(target, "__globals__", {}).get("Json") is Json:
        names["Json"] = Annotated[JsonValue, WithJsonSchema({})]  # in pydantic's words
    try:
        return typing.get_type_hints(target, localns=names, include_extras=True)
    except NameError as error:
        raise UsageError(
            f"{name}: the annotation {error.name!r} cannot be resolved; import it outside "
            "`if TYPE_CHECKING`, and define it at module level or where @tool is applied"
        ) from error


def _parameters(
    function: Callable[..., Any], hints: Mapping[str, Any], name: str
) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(function).parameters)
    for key, parameter in found.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise UsageError(
                f"{name}: parameter {key!r} cannot be passed by name; "
                "a tool's parameters are named one by one"
            )
        if key == "self" and key not in hints:
            raise UsageError(
                f"{name}: a method has no object where its class is written; make the tool of an "
                f"object's: tool(…)(thing.{name})"
            )
        if key not in hints:
            raise UsageError(f"{name}: parameter {key!r} has no annotation; write `{key}: type`")
    return found


def _is_context(hint: Any) -> bool:
    return hint is Context or (_is_union(hint) and Context in get_args(hint))


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _arguments(
    name: str, fields: Mapping[str, inspect.Parameter], hints: Mapping[str, Any], docs: Docstring
) -> TypeAdapter[Any]:
    """An adapter from a JSON object to keyword arguments; absent ones keep their defaults."""
    said = {param.arg_name: param.description for param in docs.params if param.description}
    described = {key: _described(hints[key], said.get(key)) for key in fields}
    typed_dict: Any = TypedDict  # made at run time, which a type checker cannot follow
    arguments = typed_dict(
        name,
        {
            key: hint if fields[key].default is NOTHING else NotRequired[hint]
            for key, hint in described.items()
        },
    )
    try:
        return TypeAdapter(arguments)
    except (PydanticUserError, NameError, TypeError):
        for key in fields:
            _adapter(hints[key], f"{name}: parameter {key!r}")
        raise


def _described(hint: Any, text: str | None) -> Any:
    """The hint with a description, unless it carries its own (the last one counts)."""
    if text is None:
        return hint
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        return Annotated[(inner, Field(description=text), *marks)]
    return Annotated[hint, Field(description=text)]


def _adapter(hint: Any, what: str) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint)
    except (PydanticUserError, NameError, TypeError) as error:
        raise UsageError(f"{what}: {hint!r} has no JSON form: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _batch_types(
    name: str, parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any]
) -> tuple[Any, Any]:
    """The types of one item and of one result of a function over a batch."""
    if len(parameters) != 1:
        raise UsageError(
            f"{name}: with batch= a function has one parameter `items: Sequence[Item]`; "
            f"found {', '.join(parameters) or 'none'}"
        )
    (parameter,) = parameters
    item = _element(hints[parameter], f"{name}: parameter {parameter!r}")
    result = _element(hints["return"], f"{name}: the result")
    if _is_union(result):
        kept = [member for member in get_args(result) if not _is_exception(member)]
        result = Union[tuple(kept)]  # noqa: UP007 - the members are known only at run time
    return item, result


def _element(hint: Any, what: str) -> Any:
    origin = get_origin(hint)
    if not (isinstance(origin, type) and issubclass(origin, Sequence) and len(get_args(hint)) == 1):
        raise UsageError(f"{what}: with batch= it is a Sequence[...] or list[...]; found {hint!r}")
    return get_args(hint)[0]


def _is_exception(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseException)


class _ToolSchema(GenerateJsonSchema):
    """Titles name types only, and results have the fields that they are dumped with."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # "Query" beside `query` only costs prompt tokens

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return not field.get("serialization_exclude", False)
        return super().field_is_required(field, total)


def _json_schema(adapter: TypeAdapter[Any], mode: JsonSchemaMode, what: str) -> dict[str, Any]:
    try:
        return adapter.json_schema(mode=mode, schema_generator=_ToolSchema)
    except PydanticUserError as error:
        raise UsageError(f"{what}: no JSON Schema: {_first_line(error)}") from error


def _object_schema(adapter: TypeAdapter[Any], what: str) -> dict[str, Any]:
    """The schema of a call's arguments: a closed object, at the top and not behind a `$ref`."""
    schema = _top(_json_schema(adapter, "validation", what))
    if schema.get("type") != "object" or "properties" not in schema:
        if schema.get("type") != "object" or schema.get("additionalProperties") is True:
            raise UsageError(f"{what}: expected a model or dataclass with fields")
        schema["properties"] = {}
    schema.pop("title", None)
    return {**schema, "additionalProperties": False}


def _has_fields(item: TypeAdapter[Any], what: str) -> bool:
    """Whether an item of a batch has them for a plan; the handle of a file is one value."""
    schema = _top(_json_schema(item, "validation", what))
    return "properties" in schema and "contentMediaType" not in schema


def _top(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = schema["$defs"][reference.removeprefix("#/$defs/")]
        return {**target, "$defs": schema["$defs"]}
    return schema


def _with_defaults(
    schema: dict[str, Any], fields: Mapping[str, inspect.Parameter], hints: Mapping[str, Any]
) -> dict[str, Any]:
    for key, parameter in fields.items():
        if parameter.default is NOTHING:
            continue
        try:
            plain = TypeAdapter(hints[key]).dump_python(
                parameter.default, mode="json", warnings="error"
            )
        except (PydanticSerializationError, ValueError):
            continue  # a default without JSON form stays the function's own secret
        schema["properties"][key]["default"] = plain
    return schema


def _docstring(function: Callable[..., Any]) -> Docstring:
    from docstring_parser import parse

    return parse(inspect.getdoc(unfilled(function)) or "")


def _description(docs: Docstring) -> str:
    parts = (docs.short_description, docs.long_description)
    gap = "\n\n" if docs.blank_after_short_description else "\n"
    return gap.join(part.strip() for part in parts if part)
