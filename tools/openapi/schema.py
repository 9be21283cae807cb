"""Schemas of an API document as JSON Schema 2020-12, each with the definitions that it needs.

What is kept is what a plan and a call can use; keywords that are malformed are left out rather
than passed on. Three things differ on purpose. `oneOf` becomes `anyOf`: the alternatives of real
documents overlap. `pattern` is left to the server: it would be a foreign regular expression run
on foreign text. Fields that are `readOnly` are not asked for, those that are `writeOnly` not
expected back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, cast

from agentkit.plan.stubs import ARTIFACTS
from agentkit.tools.openapi.read import Document
from agentkit.tools.openapi.refer import Unusable, is_list, is_mapping, listed, mapping, target
from agentkit.tools.openapi.text import identifier, short

Way = Literal["to", "from"]
"""To the server, or from it."""

MOST_DEFINITIONS = 40
"""Of one schema, nearest first: what lies beyond may be anything, and fills no prompt."""

KINDS = frozenset("null boolean integer number string array object".split())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_KEPT: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys("minimum maximum exclusiveMinimum exclusiveMaximum".split(), _is_number),
    **dict.fromkeys("minLength maxLength minItems maxItems".split(), _is_count),
    **dict.fromkeys("minProperties maxProperties".split(), _is_count),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "uniqueItems": lambda value: isinstance(value, bool),
    "format": lambda value: isinstance(value, str),
    "default": lambda value: True,
    "const": lambda value: True,
}


@dataclass(slots=True)
class _Needs:
    """References of a schema: all, and those that apply to the very value it describes."""

    all: set[str] = field(default_factory=set[str])
    here: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Schemas:
    """Converts the schemas of one document; what several need is converted once."""

    document: Document
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _pointers: dict[str, str] = field(default_factory=dict[str, str])
    _made: dict[tuple[str, Way], tuple[Any, _Needs]] = field(
        default_factory=dict[tuple[str, Way], tuple[Any, _Needs]]
    )

    def converted(self, raw: object, way: Way) -> tuple[Any, dict[str, Any]]:
        """The schema, and the `$defs` that it refers to, the nearest in full. Raises `Unusable`."""
        needs = _Needs()
        schema = self._schema(raw, way, needs, here=True)
        definitions: dict[str, Any] = {}
        here: dict[str, set[str]] = {}
        todo = deque(sorted(needs.all))
        while todo:
            name = todo.popleft()
            if name in definitions:
                continue
            if len(here) == MOST_DEFINITIONS:
                definitions[name] = {}
                continue
            definitions[name], inner = self._definition(name, way)
            here[name] = inner.here
            todo += sorted(inner.all)
        try:
            TopologicalSorter(here).prepare()
        except CycleError as error:
            raise Unusable(f"the schema {error.args[1][0]} is defined by itself alone") from None
        return schema, dict(sorted(definitions.items()))

    def _definition(self, name: str, way: Way) -> tuple[Any, _Needs]:
        if (name, way) not in self._made:
            needs = _Needs()
            raw = target(self.document.data, self._pointers[name])
            made = self._schema(raw, way, needs, here=True)
            if is_mapping(made):
                cast("dict[str, Any]", made).setdefault("title", _title(name))
            self._made[name, way] = made, needs
        return self._made[name, way]

    def _reference(self, pointer: object, needs: _Needs, here: bool) -> dict[str, Any]:
        target(self.document.data, pointer)
        known = cast("str", pointer)
        if known not in self._names:
            last = known.rpartition("/")[2].replace("~1", "_").replace("~0", "_")
            name = identifier(last, self._pointers, otherwise="schema")
            self._names[known], self._pointers[name] = name, known
        name = self._names[known]
        needs.all.add(name)
        if here:
            needs.here.add(name)
        return {"$ref": f"#/$defs/{name}"}

    def _schema(self, raw: object, way: Way, needs: _Needs, *, here: bool) -> Any:
        if not is_mapping(raw):
            return raw is not False and {}
        if "$ref" in raw:
            return self._referring(raw, way, needs, here)
        made = _simple(raw)
        self._combine(raw, made, way, needs, here)
        self._inside(raw, made, way, needs)
        _bounds(raw, made)
        return _with_null(made) if _nullable(raw) else made

    def _referring(self, given: Mapping[str, Any], way: Way, needs: _Needs, here: bool) -> Any:
        made = self._reference(given["$ref"], needs, here)
        beside = {key: value for key, value in given.items() if key != "$ref"}
        if self.document.version == "3.1" and beside:
            more = self._schema(beside, way, needs, here=here)
            if more.keys() - {"title", "description", "default"}:
                return {**more, "allOf": [*more.get("allOf", []), made]}
        return _with_null(made) if _nullable(given) else made

    def _combine(
        self, given: Mapping[str, Any], made: dict[str, Any], way: Way, needs: _Needs, here: bool
    ) -> None:
        both = [self._schema(one, way, needs, here=here) for one in listed(given.get("allOf"))]
        choices = [
            [self._schema(one, way, needs, here=here) for one in found]
            for word in ("anyOf", "oneOf")
            if (found := listed(given.get(word)))
        ]
        if len(choices) == 1:
            made["anyOf"] = choices[0]
        else:
            both += [{"anyOf": choice} for choice in choices]
        if both:
            made["allOf"] = both

    def _inside(
        self, given: Mapping[str, Any], made: dict[str, Any], way: Way, needs: _Needs
    ) -> None:
        part = partial(self._schema, way=way, needs=needs, here=False)
        if is_mapping(given.get("properties")):
            hidden = "readOnly" if way == "to" else "writeOnly"
            shown = {
                str(name): one
                for name, one in given["properties"].items()
                if mapping(one).get(hidden) is not True
            }
            made["properties"] = {name: part(one) for name, one in shown.items()}
        required = [one for one in listed(given.get("required")) if isinstance(one, str)]
        gone = mapping(given.get("properties")).keys() - made.get("properties", {}).keys()
        if kept := [one for one in dict.fromkeys(required) if one not in gone]:
            made["required"] = kept
        rest = given.get("additionalProperties")
        if isinstance(rest, bool) or is_mapping(rest):
            made["additionalProperties"] = rest if isinstance(rest, bool) else part(rest)
        items = given.get("items")
        first = items if is_list(items) else given.get("prefixItems")
        if is_list(first) and first:
            made["prefixItems"] = [part(one) for one in listed(first)]
        if isinstance(items, bool) or is_mapping(items):
            made["items"] = items if isinstance(items, bool) else part(items)


def _simple(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        word: given[word] for word, fits in _KEPT.items() if word in given and fits(given[word])
    }
    said = given.get("type")
    kinds = [*dict.fromkeys(map(str, listed(said) if is_list(said) else [said]))]
    if kinds := [one for one in kinds if one in KINDS]:
        made["type"] = kinds if len(kinds) > 1 else kinds[0]
    if values := listed(given.get("enum")):
        made["enum"] = _fitting(values, made)
    if text := short(given.get("description")):
        made["description"] = text
    if isinstance(given.get("title"), str) and (title := _title(given["title"])):
        made["title"] = title
    return made


def _fitting(values: Any, made: dict[str, Any]) -> list[Any]:
    """Values of an enum; where the type says text, `1` and `true` of YAML are meant as text."""
    if made.get("type") != "string":
        return [*values]
    words = {True: "true", False: "false"}
    return [
        one if isinstance(one, str | None) else words.get(one, str(one))
        if isinstance(one, bool) else str(one)
        for one in values
    ]  # fmt: skip


def _title(text: str) -> str:
    """Safe in a stub, and no name that stubs have for files."""
    name = identifier(text, otherwise="Object")
    return f"{name}Object" if name in ARTIFACTS else name


def _bounds(given: Mapping[str, Any], made: dict[str, Any]) -> None:
    """`exclusiveMinimum: true` beside `minimum`, as it was before 3.1."""
    for strict, word in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if given.get(strict) is True and word in made:
            made[strict] = made.pop(word)


def _nullable(given: Mapping[str, Any]) -> bool:
    return given.get("nullable") is True or given.get("x-nullable") is True


def _with_null(made: dict[str, Any]) -> dict[str, Any]:
    kind = made.get("type")
    if not made.keys() & {"enum", "const", "anyOf", "allOf", "$ref"}:
        if kind is None:
            return made  # anything, or whatever has these fields: null too
        kinds = listed(kind) if is_list(kind) else [kind]
        return {**made, "type": [*dict.fromkeys((*kinds, "null"))]}
    about: dict[str, Any] = {
        word: made[word] for word in ("description", "default") if word in made
    }
    rest = {word: value for word, value in made.items() if word not in about}
    return {"anyOf": [rest, {"type": "null"}], **about}
