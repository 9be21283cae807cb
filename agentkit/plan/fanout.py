"""How many elements a map can have at most, as far as its plan shows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from agentkit.errors import EvaluationError
from agentkit.plan.evaluate import evaluate
from agentkit.plan.graph import Arg, Compute, Const, Map, Plan, Ref, names_in
from agentkit.plan.infer import infer
from agentkit.plan.types import Type, alternatives, kind_of
from agentkit.types import Json

_KEEPING = frozenset({"sorted", "list", "reversed"})
"""Functions that give back as many elements as they get."""


def most_elements(
    arg: Arg, plan: Plan, values: Mapping[str, Json], types: Callable[[], Mapping[str, Type]]
) -> int | None:
    """The length that this list has at most; None where nothing bounds it.

    `values` are those known already; `types` gives the type of each name, and is asked only where
    a schema (`maxItems`) may know the bound.
    """
    if names_in(arg) <= values.keys():
        try:
            value = evaluate(arg, values)
        except EvaluationError:
            return None
        return len(value) if isinstance(value, list) else 0
    match arg:
        case Const():
            return 0
        case Ref(name=name, path=()):
            found = _of_name(name, plan, values, types)
        case Ref():
            found = None
        case _:
            return _of_tree(arg.tree, plan, values, types)
    return found if found is not None else _declared(infer(arg, types())[0])


def _of_name(
    name: str, plan: Plan, values: Mapping[str, Json], types: Callable[[], Mapping[str, Type]]
) -> int | None:
    match plan.nodes.get(name):
        case Map() as node:
            return most_elements(node.over, plan, values, types)
        case Compute() as node:
            return most_elements(node.value, plan, values, types)
        case _:
            return None


def _of_tree(
    tree: ast.expr, plan: Plan, values: Mapping[str, Json], types: Callable[[], Mapping[str, Type]]
) -> int | None:
    match tree:
        case ast.Name(id=name):
            return most_elements(Ref(name), plan, values, types)
        case ast.List(elts=elements):
            return None if any(isinstance(e, ast.Starred) for e in elements) else len(elements)
        case ast.ListComp(generators=[ast.comprehension(iter=over)]):
            return _of_tree(over, plan, values, types)
        case ast.Call(func=ast.Name(id=name), args=[over, *_]) if name in _KEEPING:
            return _of_tree(over, plan, values, types)
        case ast.Subscript(value=over, slice=ast.Slice(upper=upper)):
            cut = upper.value if isinstance(upper, ast.Constant) else None
            whole = _of_tree(over, plan, values, types)
            if isinstance(cut, int):
                return cut if whole is None else min(cut, whole)
            return whole
        case _:
            return None


def _declared(given: Type) -> int | None:
    """What a schema says of a list's length: `maxItems`, of each kind of list that it may be."""
    lengths = [
        member.schema.get("maxItems")
        for member in alternatives(given)
        if kind_of(member) in ("array", None)
    ]
    known = [length for length in lengths if isinstance(length, int)]
    return max(known) if known and len(known) == len(lengths) else None
