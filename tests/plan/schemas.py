"""Random JSON Schemas of the kind that tools have, and values of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 2.0]), NAMES
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def _objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    @st.composite
    def build(draw: st.DrawFn) -> Schema:
        properties = draw(st.dictionaries(NAMES, inner, max_size=3))
        required = [name for name in properties if draw(st.booleans())]
        rest: Any = draw(st.just(False) | inner) if properties else draw(inner)
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": rest,
        }

    return build()


def _arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    def pair(first: list[Schema]) -> Schema:
        length = len(first)
        closed = {"items": False, "minItems": length, "maxItems": length}
        return {"type": "array", "prefixItems": first, **closed}

    def of(items: Schema) -> Schema:
        return {"type": "array", "items": items}

    return inner.map(of) | st.lists(inner, min_size=1, max_size=2).map(pair)


def _unions(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    def any_of(some: list[Schema]) -> Schema:
        return {"anyOf": some}

    return st.lists(inner, min_size=1, max_size=3).map(any_of)


LEAVES: st.SearchStrategy[Schema] = st.one_of(
    st.sampled_from(["null", "boolean", "integer", "number", "string"]).map(
        lambda kind: {"type": kind}
    ),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
    st.just({"type": ["string", "null"]}),
    st.integers(-2, 2).map(lambda least: {"type": "integer", "minimum": least}),
)
SCHEMAS: st.SearchStrategy[Schema] = st.recursive(
    LEAVES, lambda inner: _objects(inner) | _arrays(inner) | _unions(inner), max_leaves=5
)
"""Closed schemas: nothing in them is unknown, so each says exactly which values it has."""
