"""Structural subtyping, field types and the values that fit, by table and against jsonschema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

import pytest
from hypothesis import example, given, settings
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from agentkit.media import Artifact, Audio, Image, handle_schema
from agentkit.plan.literal import conforms
from agentkit.plan.mismatch import Mismatch
from agentkit.plan.schema import field_type, fits
from agentkit.plan.typename import type_name
from agentkit.plan.types import Type, as_type
from agentkit.tool import as_tool
from agentkit.types import Json, Schema

from .schemas import SCHEMAS, VALUES


class Hit(BaseModel):
    text: str
    score: float
    title: str | None = None


class Titled(BaseModel):
    text: str
    title: str


@dataclass
class Tree:
    label: str
    children: list[Tree]


class Chain(BaseModel):
    label: str
    children: list[Chain | None]


def output(kind: Any) -> Schema:
    """The schema of a tool's result of that type."""

    def produce() -> Any: ...

    produce.__annotations__["return"] = kind
    return as_tool(produce).output_schema


def wanted(kind: Any) -> Type:
    """The type of a tool's parameter of that type."""

    def consume(value: Any) -> None: ...

    consume.__annotations__["value"] = kind
    schema = as_tool(consume).input_schema
    return as_type(schema).part(cast("Any", schema["properties"])["value"])


@pytest.mark.parametrize(
    ("producer", "consumer"),
    [
        (int, float),
        (list[int], list[float]),
        (Hit, Hit),
        (list[Hit], list[dict[str, Any]]),
        (Hit, dict[str, str | float | None]),
        (str, str | None),
        (Literal["a"], Literal["a", "b"]),
        (Literal["a", "b"], str),
        (Literal[1], float),
        (bool, Literal[True, False]),
        (tuple[int, str], list[int | str]),
        (dict[str, int], dict[str, float]),
        (dict[str, Any], Hit),
        (Any, Hit),
        (str, Any),
        (Tree, Tree),
        (Tree, Chain),
        (Image, Artifact),
        (Artifact, Image),
        (Image, Image | None),
        (int | str, str | float),
    ],
)
def test_what_fits(producer: Any, consumer: Any) -> None:
    assert fits(output(producer), wanted(consumer)) is None


@pytest.mark.parametrize(
    ("producer", "consumer", "expected", "found", "path"),
    [
        (str, int, "int", "str", ()),
        (float, int, "int", "float", ()),
        (bool, int, "int", "bool", ()),
        (bool, Literal[True], "Literal[True]", "bool", ()),
        (str, list[str], "list[str]", "str", ()),
        (list[Hit], list[str], "str", "Hit", ("[]",)),
        (str | None, str, "str", "None", ()),
        (str, Literal["a", "b"], "Literal['a', 'b']", "str", ()),
        (Literal["a", "c"], Literal["a", "b"], "Literal['a', 'b']", "'c'", ()),
        (Hit, Titled, "str", "None", ("title",)),
        (str, Hit, "Hit", "str", ()),
        (dict[str, int], Titled, "Titled with field 'text'", "dict[str, int] that lacks it", ()),
        (Titled, Hit, "Hit with field 'score'", "Titled that lacks it", ()),
        (Chain, Tree, "Tree", "None", ("children", "[]")),
        (Image, Audio, "Audio", "Image", ()),
        (str, Image, "Image", "str", ()),
        (Image, str, "str", "Image", ()),
        (tuple[int, int], tuple[int, str], "str", "int", (1,)),
        (tuple[int, int, int], tuple[int, int], "tuple[int, int] of 2 elements", "3 elements", ()),
        (list[int], tuple[int, int], "tuple[int, int] of 2 elements", "0 or more elements", ()),
        (int | str, int, "int", "str", ()),
    ],
)
def test_what_does_not_fit(
    producer: Any, consumer: Any, expected: str, found: str, path: tuple[str | int, ...]
) -> None:
    mismatch = fits(output(producer), wanted(consumer))
    assert mismatch is not None
    assert (mismatch.expected, mismatch.found, mismatch.path) == (expected, found, path)


def test_media_types_fit_by_their_patterns() -> None:
    png, image, audio = map(handle_schema, ("image/png", "image/*", "audio/*"))
    assert fits(png, image) is None
    assert fits(image, png) == Mismatch("Image (image/png)", "Image")
    assert fits(audio, image) == Mismatch("Image", "Audio")


def test_bounds_count_where_nothing_satisfies_both() -> None:
    def number(**bounds: int) -> dict[str, Any]:
        return {"type": "number", **bounds}

    assert fits(number(minimum=0, maximum=5), number(minimum=3)) is None
    assert fits(number(minimum=0, maximum=2), number(minimum=3)) is not None
    assert fits(number(), number(maximum=3)) is None


def test_a_reference_out_of_the_document_is_unknown() -> None:
    outside: Schema = {"$ref": "https://example.org/schema.json"}
    assert fits(outside, {"type": "string"}) is None
    assert fits({"type": "string"}, {"$ref": "#/nowhere"}) is None
    loop: Schema = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert fits(loop, {"type": "string"}) is None


def test_a_union_of_itself_says_nothing() -> None:
    again: dict[str, Json] = {"$ref": "#/$defs/again"}
    schema: Schema = {"$defs": {"again": {"anyOf": [again, again]}}, **again}
    assert conforms(3, as_type(schema)) is None


def test_a_union_of_very_many_is_unknown_and_not_cut_short() -> None:
    many = as_type({"oneOf": [{"const": number} for number in range(100)]})
    assert conforms(99, many) is None
    assert fits(many, {"type": "integer"}) is None


def test_a_list_of_schemas_for_items_is_of_another_dialect() -> None:
    assert conforms([1], as_type({"type": "array", "items": [{"type": "string"}]})) is None


def test_a_multiple_beyond_all_numbers_is_left_to_the_call() -> None:
    assert conforms(1e308, as_type({"type": "number", "multipleOf": 0.01})) is None


def test_the_demands_of_all_of_add_up() -> None:
    both: dict[str, Any] = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    }
    whole: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a", "b"],
    }
    assert fits(whole, both) is None and fits(both, whole) is None
    mismatch = fits({**whole, "required": ["a"]}, both)
    assert mismatch is not None and "field 'b'" in mismatch.expected


def test_a_failed_assumption_takes_its_conclusions_with_it() -> None:
    """The first alternative fails only behind the recursion; the second must not profit."""
    one: Schema = {
        "$ref": "#/$defs/N",
        "$defs": {
            "N": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/N"}, "value": {"type": "string"}},
                "required": ["next", "value"],
            }
        },
    }
    other: Schema = {
        "anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}],
        "$defs": {
            "A": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/A"}, "value": {"type": "integer"}},
                "required": ["next", "value"],
            },
            "B": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/A"}},
                "required": ["next"],
            },
        },
    }
    assert fits(one, other) is not None


def test_field_types_follow_paths() -> None:
    hits = output(list[Hit])
    assert type_name(_found(hits, (0,))) == "Hit"
    assert type_name(_found(hits, (-1, "score"))) == "float"
    assert type_name(_found(hits, (0, "title"))) == "str | None"
    assert type_name(_found(output(tuple[int, str]), (-1,))) == "str"
    assert type_name(_found(output(dict[str, int]), ("any",))) == "int"
    assert type_name(_found({}, ("any", 3))) == "Any"
    assert type_name(_found({"type": "object"}, ("any",))) == "Any"


def _found(schema: Schema, path: tuple[str | int, ...]) -> Any:
    found = field_type(schema, path)
    assert not isinstance(found, Mismatch), found
    return found


@pytest.mark.parametrize(
    ("kind", "path", "expected", "found", "nearest"),
    [
        (Hit, ("txt",), "a value with field 'txt'", "Hit with text, score, title", "text"),
        (list[Hit], ("text",), "a value with field 'text'", "list[Hit]", None),
        (Hit, (0,), "a value with elements", "Hit", None),
        (Hit | None, ("text",), "a value with field 'text'", "Hit | None", None),
        (int, ("x",), "a value with field 'x'", "int", None),
    ],
)
def test_a_path_that_leads_nowhere(
    kind: Any, path: tuple[str | int, ...], expected: str, found: str, nearest: str | None
) -> None:
    assert field_type(output(kind), path) == Mismatch(expected, found, (), nearest)


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    validator: Any = Draft202012Validator(schema)
    return bool(validator.is_valid(value))


@given(SCHEMAS, VALUES)
def test_conformance_is_that_of_json_schema(schema: dict[str, Any], value: Any) -> None:
    assert (conforms(value, as_type(schema)) is None) is is_valid(value, schema)


ANY_NUMBER_OF_NULLS: dict[str, Any] = {"type": "array", "items": {"type": "null"}}
ONE_NULL = {**ANY_NUMBER_OF_NULLS, "prefixItems": [{"type": "null"}], "items": False, "minItems": 1}


@settings(max_examples=300)
@example(ANY_NUMBER_OF_NULLS, ONE_NULL, [])
@given(SCHEMAS, SCHEMAS, VALUES)
def test_values_of_what_fits_are_values_of_the_other(
    producer: dict[str, Any], consumer: dict[str, Any], value: Any
) -> None:
    if fits(producer, consumer) is None and is_valid(value, producer):
        assert is_valid(value, consumer)


@given(SCHEMAS)
def test_every_type_fits_itself(schema: dict[str, Any]) -> None:
    assert fits(schema, json.loads(json.dumps(schema))) is None


@pytest.mark.parametrize("kind", [int, float, str, bool, Hit, list[int], Literal["a"], int | None])
@given(value=VALUES)
def test_conformance_is_that_of_the_call(kind: Any, value: Any) -> None:
    class Calling:
        artifacts = None

    def consume(value: Any) -> None: ...

    consume.__annotations__["value"] = kind
    try:
        as_tool(consume).prepare({"value": value}, cast("Any", Calling()))
        accepted = True
    except ValueError:
        accepted = False
    assert (conforms(value, wanted(kind)) is None) is accepted
