"""Pure expressions: what the language's own evaluator covers, in one normal form.

A literal becomes `Const`, a chain of fields and constant indexes `Ref`, anything else `Expr`.
"""

from __future__ import annotations

import ast
from copy import deepcopy
from functools import lru_cache

from agentkit.errors import InvalidPlan
from agentkit.plan.graph import Arg, Const, Expr, Ref
from agentkit.plan.names import is_field
from agentkit.plan.problem import Problem
from agentkit.plan.purity import free_names, outside_problem, uncovered
from agentkit.plan.syntax import parse_expression, position
from agentkit.types import Json


def expression(tree_or_source: ast.expr | str) -> Arg:
    """The argument that a tree (taken over, and normalised in place) or a source text stands for.

    Raises `InvalidPlan` where it is not a pure expression of the language.

    >>> expression("hits[0]['text']")
    Ref(name='hits', path=(0, 'text'), at=Position(line=1, column=1))
    >>> expression("{'k': [1, -2]}").value
    {'k': [1, -2]}
    >>> sorted(expression("[h.text for h in hits if h.score > least]").names)
    ['hits', 'least']
    """
    if not isinstance(tree_or_source, str):
        return _checked(tree_or_source)
    if is_field(tree_or_source):  # most are: no need to parse a name
        return Ref(tree_or_source)
    found = _read(tree_or_source)
    # A literal's value goes to tools, which may change it; nothing else here ever changes.
    return Const(deepcopy(found.value), found.at) if isinstance(found, Const) else found


@lru_cache(maxsize=4096)
def _read(source: str) -> Arg:
    """What a source text stands for: a journal that is read again holds the same ones again."""
    parsed = parse_expression(source)
    if isinstance(parsed, Problem):
        raise InvalidPlan([parsed])
    return _checked(parsed)


def _checked(tree: ast.expr) -> Arg:
    outside = uncovered(tree)
    if outside is not None:
        raise InvalidPlan([outside_problem(outside)])
    return _normal(tree)


def ref_source(ref: Ref) -> str:
    """`hits[0].text` for `Ref("hits", (0, "text"))`."""
    parts = [
        f".{step}" if isinstance(step, str) and is_field(step) else f"[{step!r}]"
        for step in ref.path
    ]
    return ref.name + "".join(parts)


def arg_source(arg: Arg) -> str:
    """The argument as text; `expression` gives it back."""
    match arg:
        case Const():
            return repr(arg.value)
        case Ref():
            return ref_source(arg)
        case Expr():
            return arg.source


def _normal(tree: ast.expr) -> Arg:
    at = position(tree)
    tree = _Normalised().visit(tree)
    constant = _constant(tree)
    if constant is not None:
        return Const(constant[0], at)
    ref = _reference(tree)
    if ref is not None:
        return Ref(ref[0], ref[1], at)
    try:
        source = ast.unparse(tree)
    except ValueError:
        raise InvalidPlan([outside_problem(tree)]) from None
    if '{"' in source or "{'" in source or "\\" in source:
        _check_quoting(tree, source)
    return Expr(source, tree, free_names(tree), at)


def _check_quoting(tree: ast.expr, source: str) -> None:
    """Strings within f-strings are beyond some versions of `ast.unparse`."""
    again = parse_expression(source)
    if isinstance(again, Problem) or ast.dump(_Normalised().visit(again)) != ast.dump(tree):
        raise InvalidPlan([outside_problem(tree)])


class _Normalised(ast.NodeTransformer):
    """One spelling for the same thing: `h["text"]` is `h.text`, a pair is a list of two."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and is_field(key.value):
            field = ast.Attribute(value=node.value, attr=key.value, ctx=node.ctx)
            return ast.copy_location(field, node)
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.List(elts=node.elts, ctx=node.ctx), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
        if len(texts) == len(node.values):
            return ast.copy_location(ast.Constant("".join(str(text) for text in texts)), node)
        return node

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        spec = node.format_spec
        node.value = self.visit(node.value)
        if spec is not None:  # stays a JoinedStr even where it is constant, as Python parses it
            self.generic_visit(spec)
        return node


def _constant(tree: ast.expr) -> tuple[Json] | None:
    """The value of a literal, in a box because `None` is one."""
    match tree:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            return (value,)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return None if isinstance(value, bool) else (-value,)
        case ast.List(elts=elements):
            values = [_constant(element) for element in elements]
            return ([value[0] for value in values if value],) if None not in values else None
        case ast.Dict(keys=keys, values=items):
            names = [key.value for key in keys if isinstance(key, ast.Constant)]
            values = [_constant(item) for item in items]
            if len(names) < len(keys) or None in values:
                return None
            pairs = zip(names, values, strict=True)
            return ({str(name): value[0] for name, value in pairs if value},)
        case _:
            return None


def _reference(tree: ast.expr) -> tuple[str, tuple[str | int, ...]] | None:
    path: list[str | int] = []
    while not isinstance(tree, ast.Name):
        match tree:
            case ast.Attribute(value=inner, attr=name):
                path.append(name)
            case ast.Subscript(value=inner, slice=key):
                step = _constant(key)
                if step is None or not isinstance(step[0], str | int) or step[0] is bool(step[0]):
                    return None
                path.append(step[0])
            case _:
                return None
        tree = inner
    return tree.id, tuple(reversed(path))
