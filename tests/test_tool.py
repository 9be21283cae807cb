"""What `@tool` reads from a function, what it refuses, what calls of it accept and give back."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from agentkit.errors import UsageError
from agentkit.tool import Context, Tool, as_tool, from_schema, tool
from agentkit.types import Json


class Line(BaseModel):
    name: str
    price: Annotated[float, Field(ge=0)]


@dataclass
class Point:
    x: int
    y: int = 0


class Options(TypedDict):
    strict: bool


class Node(BaseModel):
    label: str
    children: list[Node] = []


class Colour(Enum):
    RED = "red"


class Silent:
    """A context for calls that use none of it."""

    artifacts = None


CONTEXT = cast("Context", Silent())


def call(made: Tool, **args: Json) -> Json:
    return made.finish(made.function(**made.prepare(args, CONTEXT)), CONTEXT)


GOOGLE = """Find passages.

Looks everywhere.

Args:
    query: what to look for
    k: how many
Returns:
    the best first
"""
NUMPY = """Find passages.

Looks everywhere.

Parameters
----------
query : str
    what to look for
k : int
    how many

Returns
-------
list of str
    the best first
"""
REST = """Find passages.

Looks everywhere.

:param query: what to look for
:param k: how many
:returns: the best first
"""


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_schemas_and_descriptions_come_from_signature_and_docstring(doc: str) -> None:
    def find(query: str, k: int = 5) -> list[str]:
        return [query] * k

    find.__doc__ = doc
    made = as_tool(find)

    assert made.name == "find"
    assert made.description == "Find passages.\n\nLooks everywhere."
    assert made.input_schema == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "what to look for"},
            "k": {"type": "integer", "description": "how many", "default": 5},
        },
        "required": ["query"],
        "additionalProperties": False,
    }
    assert made.output_schema == {
        "type": "array",
        "items": {"type": "string"},
        "description": "the best first",
    }


def test_every_kind_of_type_has_a_schema() -> None:
    @tool
    def everything(
        line: Line,
        point: Point,
        options: Options,
        tree: Node,
        mode: Literal["fast", "exact"],
        many: Annotated[list[int], Field(max_length=3)],
        maybe: str | None = None,
        value: Json = None,
    ) -> dict[str, Point]:
        return {"p": point}

    properties = cast("dict[str, Any]", everything.input_schema["properties"])
    assert properties["line"] == {"$ref": "#/$defs/Line"}
    assert properties["mode"] == {"enum": ["fast", "exact"], "type": "string"}
    assert properties["many"]["maxItems"] == 3
    assert properties["maybe"]["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert properties["value"] == {"default": None}
    assert call(
        everything,
        line={"name": "a", "price": 1},
        point={"x": 1},
        options={"strict": True},
        tree={"label": "r", "children": [{"label": "c"}]},
        mode="fast",
        many=[1, 2],
    ) == {"p": {"x": 1, "y": 0}}


def test_local_classes_are_found_by_their_names() -> None:
    class Local(BaseModel):
        text: str

    @tool
    def echo(item: Local) -> Local:
        return item

    assert call(echo, item={"text": "a"}) == {"text": "a"}


def test_a_decorated_function_is_still_a_function() -> None:
    @tool(effect="pure", name="add_numbers", timeout_s=2.0)
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert add(2, b=3) == 5
    assert (add.name, add.effect, add.timeout_s) == ("add_numbers", "pure", 2.0)
    assert as_tool(add) is add


def test_the_context_is_injected_and_no_parameter_of_plans() -> None:
    @tool
    def remember(text: str, ctx: Context) -> str:
        return ctx.key + text

    class Keyed(Silent):
        key = "k:"

    assert list(cast("Any", remember.input_schema["properties"])) == ["text"]
    kwargs = remember.prepare({"text": "a"}, cast("Context", Keyed()))
    assert remember.function(**kwargs) == "k:a"


def test_where_a_function_runs_follows_from_its_kind() -> None:
    async def fetch(url: str) -> str:
        return url

    def read(path: str) -> str:
        return path

    assert as_tool(fetch).runs == "loop"
    assert as_tool(read).runs == "thread"
    assert tool(runs="process")(read).runs == "process"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "argument query: is missing"),
        ({"query": 3}, "argument query: expected a valid string, came 3"),
        ({"query": "a", "k": "3"}, "argument k: expected a valid integer, came '3'"),
        ({"query": "a", "k": True}, "argument k: expected a valid integer, came True"),
        ({"query": "a", "k": 2.5}, "argument k: expected a valid integer, came 2.5"),
        ({"query": "a", "K": 3}, "argument K: there is no such parameter; did you mean 'k'?"),
        ({"query": "a", "lines": [{"name": "x"}]}, "argument lines[0].price: is missing"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, Json], message: str) -> None:
    @tool
    def find(query: str, k: int = 5, lines: list[Line] | None = None) -> str:
        return query

    with pytest.raises(ValueError) as caught:
        find.prepare(args, CONTEXT)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (float, 3, 3.0),
        (int, 3.0, 3),
        (date, "2026-11-23", date(2026, 11, 23)),
        (Colour, "red", Colour.RED),
        (tuple[int, int], [1, 2], (1, 2)),
        (Any, 3.0, 3.0),
    ],
)
def test_json_values_become_python_values(kind: Any, value: Json, expected: object) -> None:
    def take(value: Any) -> str:
        return str(value)

    take.__annotations__["value"] = kind
    given = as_tool(take).prepare({"value": value}, CONTEXT)["value"]
    assert given == expected and type(given) is type(expected)


def test_results_are_validated_and_dumped() -> None:
    @tool
    def good() -> list[Line]:
        return cast("list[Line]", [{"name": "a", "price": 2}])

    @tool
    def bad() -> list[Line]:
        return [cast("Line", {"name": "a", "price": -2})]

    @tool
    def opaque() -> Any:
        return object()

    assert call(good) == [{"name": "a", "price": 2.0}]
    with pytest.raises(ValueError, match=r"result \[0\].price: .*greater than or equal to 0"):
        call(bad)
    with pytest.raises(ValueError, match="has no JSON form"):
        call(opaque)


def without(name: str) -> Any:
    """A function that lacks one annotation."""

    def partly(query: str) -> str:
        return query

    del partly.__annotations__[name]
    return partly


def spread(*queries: str) -> str:
    return queries[0]


def by_place(query: str, /) -> str:
    return query


def unresolvable() -> Any:
    def unresolved(query: str) -> str:
        return query

    unresolved.__annotations__["query"] = "Missing"
    return unresolved


def no_form(query: functools.partial[int]) -> str:
    return str(query)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (without("query"), "partly: parameter 'query' has no annotation"),
        (without("return"), "partly: the result has no annotation"),
        (spread, "spread: parameter 'queries' cannot be passed by name"),
        (by_place, "by_place: parameter 'query' cannot be passed by name"),
        (unresolvable(), "unresolved: the annotation 'Missing' cannot be resolved"),
        (no_form, "no_form: parameter 'query': .* has no JSON form"),
        (lambda: 1, "<lambda>: the result has no annotation"),
        (3, "expected a tool or a typed function; found 3"),
    ],
)
def test_what_cannot_be_a_tool_is_a_usage_error(function: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        as_tool(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "two words"}, "a name is a Python identifier"),
        ({"name": "_hidden"}, "a name is a Python identifier"),
        ({"effect": "reads"}, "expected effect as one of pure, read, write, once; found 'reads'"),
        ({"runs": "fork"}, "expected runs as one of loop, thread, process; found 'fork'"),
        ({"runs": "loop"}, "runs='loop' does not fit the sync function"),
        ({"cache": True}, "cache=True needs effect=\"pure\"; found 'once'"),
        ({"timeout_s": 0}, "timeout_s is a positive number or None; found 0"),
        ({"batch_key": len}, "batch_key= says which calls share a batch; it needs batch="),
        ({"batch": 0}, "with batch= a function has one parameter|with batch= it is a Sequence"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    def echo(text: str) -> str:
        return text

    with pytest.raises(UsageError, match=message):
        tool(**options)(echo)


def city_or_7(city: str | None = None) -> str | int:
    return city or 7


def test_a_tool_from_raw_schemas_validates_both_ways() -> None:
    made = from_schema(
        city_or_7,
        name="lookup",
        description="Look up.",
        input_schema={"type": "object", "properties": {"city": {"type": "string"}}},
        output_schema={"type": "string"},
        effect="read",
    )

    assert (made.name, made.effect, made.runs) == ("lookup", "read", "thread")
    assert call(made, city="Bern") == "Bern"
    with pytest.raises(ValueError, match="argument city: 3 is not of type 'string'"):
        call(made, city=3)
    with pytest.raises(ValueError, match="result: 7 is not of type 'string'"):
        call(made)


def test_an_invalid_raw_schema_is_a_usage_error() -> None:
    made = from_schema(lambda: 1, name="broken", input_schema={"type": "nonsense"})
    with pytest.raises(UsageError, match="expected a JSON Schema"):
        made.prepare({}, CONTEXT)


def test_a_tool_with_schemas_gets_and_gives_json_of_its_own() -> None:
    kept: list[object] = [(1, 2)]

    def keep(items: list[object]) -> object:
        items.append("more")
        return kept

    made = from_schema(keep, input_schema={"type": "object"})
    given: Json = ["one"]
    assert call(made, items=given) == [[1, 2]]
    assert given == ["one"]
    kept.append(object())
    with pytest.raises(ValueError, match="result: has no JSON form"):
        call(made, items=[])
