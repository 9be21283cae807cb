"""Which expressions are pure: what the language's own evaluator covers, and no more."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import cast

from agentkit.plan.problem import Problem
from agentkit.plan.syntax import MAX_DEPTH, position

FUNCTIONS: dict[str, frozenset[str]] = {
    "len": frozenset(),
    "min": frozenset(("default",)),
    "max": frozenset(("default",)),
    "sum": frozenset(("start",)),
    "round": frozenset(("ndigits",)),
    "abs": frozenset(),
    "sorted": frozenset(("reverse",)),
    "str": frozenset(),
    "int": frozenset(),
    "float": frozenset(),
    "bool": frozenset(),
    "any": frozenset(),
    "all": frozenset(),
    "range": frozenset(),
    "zip": frozenset(),
    "enumerate": frozenset(("start",)),
    "list": frozenset(),
    "dict": frozenset(),
}
"""The pure functions by name, with the keywords that each takes."""

MAX_INT_BITS = 1023
"""The largest integer still fits a float, so no arithmetic can make a monster of it."""

_COVERED = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.List, ast.Tuple, ast.Dict,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr, ast.FormattedValue,
    ast.Call, ast.keyword, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.comprehension,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub, ast.UAdd,
    ast.Not, ast.And, ast.Or, ast.cmpop, ast.expr_context,
)  # fmt: skip

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def covered(tree: ast.expr) -> bool:
    """Whether the evaluator can compute this tree."""
    return uncovered(tree) is None


def uncovered(tree: ast.expr) -> ast.expr | None:
    """The first piece that the evaluator cannot compute."""
    place = tree
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            place = node
        if not isinstance(node, _COVERED) or not _covered_in_detail(node):
            return place
    return None


def outside_problem(tree: ast.expr) -> Problem:
    """The problem that says so."""
    if isinstance(tree, ast.Call):
        expected = f"a tool or one of {', '.join(FUNCTIONS)}"
    else:
        expected = "names, fields, indexing, f-strings, arithmetic, comparisons, comprehensions"
    return Problem(
        code="outside_language", expected=expected, found=clip(tree), at=position(tree)
    )  # fmt: skip


def clip(tree: ast.AST, most: int = 60) -> str:
    """The source of a tree for a message, cut to `most` characters."""
    try:
        source = ast.unparse(tree)
    except (ValueError, RecursionError):  # an f-string that no quoting fits
        source = type(tree).__name__
    return source if len(source) <= most else source[: most - 1] + "…"


def free_names(tree: ast.expr) -> frozenset[str]:
    """The names that must be known from outside: functions and bound variables left out."""
    return frozenset(_free(tree, frozenset()))


def targets(tree: ast.expr) -> list[str]:
    """The names that a comprehension's target binds, left to right."""
    if isinstance(tree, ast.Tuple | ast.List):
        return [name for part in tree.elts for name in targets(part)]
    return [tree.id] if isinstance(tree, ast.Name) else []


def _covered_in_detail(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return is_literal(value)
        case ast.Call(func=ast.Name(id=name), keywords=keywords):
            allowed = FUNCTIONS.get(name)
            return allowed is not None and all(
                keyword.arg in allowed or (name == "dict" and keyword.arg is not None)
                for keyword in keywords
            )
        case ast.Call():
            return False
        case ast.Dict(keys=keys):
            return all(key is not None and not _odd_key(key) for key in keys)
        case ast.Subscript(slice=ast.Tuple()):
            return False
        case ast.comprehension(target=target, is_async=is_async):
            return not is_async and _is_target(target)
        case ast.Compare(ops=ops, comparators=comparators):
            return all(
                not isinstance(op, ast.Is | ast.IsNot) or _is_singleton(right)
                for op, right in zip(ops, comparators, strict=True)
            )
        case _:
            return True


def is_literal(value: object) -> bool:
    """Whether a constant is a JSON scalar within bounds (finite, valid Unicode)."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return value.bit_length() <= MAX_INT_BITS
    return value is None


def is_json(value: object, levels: int = MAX_DEPTH) -> bool:
    """Whether it is JSON of at most so many levels, its scalars within bounds."""
    if isinstance(value, list):
        items = cast("list[object]", value)
        return levels > 0 and all(is_json(item, levels - 1) for item in items)
    if isinstance(value, dict):
        return levels > 0 and all(
            isinstance(key, str) and is_literal(key) and is_json(item, levels - 1)
            for key, item in cast("dict[object, object]", value).items()
        )
    return levels > 0 and is_literal(value)


def _odd_key(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and not isinstance(key.value, str)


def _is_target(tree: ast.expr) -> bool:
    if isinstance(tree, ast.Tuple | ast.List):
        return all(_is_target(part) for part in tree.elts)
    return isinstance(tree, ast.Name)


def _is_singleton(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and (tree.value is None or isinstance(tree.value, bool))


def _free(tree: ast.AST, bound: frozenset[str]) -> Iterator[str]:
    match tree:
        case ast.Name(id=name):
            if name not in bound:
                yield name
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _free_in_comprehension(tree, bound)
        case ast.Lambda(args=args, body=body):
            names = (arg.arg for arg in ast.walk(args) if isinstance(arg, ast.arg))
            yield from _free(body, bound | frozenset(names))
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            for part in (*tree.args, *tree.keywords):
                yield from _free(part, bound)
        case _:
            for child in ast.iter_child_nodes(tree):
                yield from _free(child, bound)


def _free_in_comprehension(tree: Comprehension, bound: frozenset[str]) -> Iterator[str]:
    for clause in tree.generators:
        yield from _free(clause.iter, bound)
        bound = bound | frozenset(targets(clause.target))
        for test in clause.ifs:
            yield from _free(test, bound)
    pair = (tree.key, tree.value) if isinstance(tree, ast.DictComp) else (tree.elt,)
    for part in pair:
        yield from _free(part, bound)
