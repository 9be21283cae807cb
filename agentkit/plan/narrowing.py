"""What a condition shows about references: which of them cannot be null where it holds."""

from __future__ import annotations

import ast
from typing import TypeAlias

from agentkit.plan.graph import Arg, Const, Ref
from agentkit.plan.types import Path

Fact: TypeAlias = tuple[str, Path]
"""A reference, as name and path, that is known not to be null."""

NOTHING: frozenset[Fact] = frozenset()


def facts_of(test: Arg, holds: bool) -> frozenset[Fact]:
    """What a guard's or map's condition shows where it came out as `holds`.

    >>> facts_of(Ref("hit", ("title",)), True)
    frozenset({('hit', ('title',))})
    """
    if isinstance(test, Const):
        return NOTHING
    if isinstance(test, Ref):
        return frozenset({(test.name, test.path)}) if holds else NOTHING
    return facts(test.tree, holds)


def facts(test: ast.expr, holds: bool) -> frozenset[Fact]:
    """The same for a syntax tree: `a`, `a is not None`, `a != None`, `not`, `and`, `or`."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return facts(operand, not holds)
        case ast.BoolOp(op=operator, values=values):
            # all parts came out alike only where an `and` holds or an `or` does not
            if isinstance(operator, ast.And) is not holds:
                return NOTHING
            return frozenset(fact for value in values for fact in facts(value, holds))
        case ast.Compare(left=left, ops=[operator], comparators=[ast.Constant(value=None)]):
            differs = isinstance(operator, ast.IsNot | ast.NotEq)
            equals = isinstance(operator, ast.Is | ast.Eq)
            return _fact(left) if (differs and holds) or (equals and not holds) else NOTHING
        case _:
            return _fact(test) if holds else NOTHING


def _fact(tree: ast.expr) -> frozenset[Fact]:
    reference = reference_of(tree)
    return NOTHING if reference is None else frozenset({reference})


def reference_of(tree: ast.expr) -> tuple[str, Path] | None:
    """The name and path of a chain of fields and constant indexes."""
    path: list[str | int] = []
    while isinstance(tree, ast.Attribute | ast.Subscript):
        step = step_of(tree)
        if step is None:
            return None
        path.insert(0, step)
        tree = tree.value
    return (tree.id, tuple(path)) if isinstance(tree, ast.Name) else None


def step_of(tree: ast.Attribute | ast.Subscript) -> str | int | None:
    """The field or index of one step, where it is constant."""
    if isinstance(tree, ast.Attribute):
        return tree.attr
    match tree.slice:
        case ast.Constant(value=str() | int() as key):
            return key
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as key)):
            return -key
        case _:
            return None
