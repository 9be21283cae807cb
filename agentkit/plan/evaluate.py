"""The value of a pure argument: a walk of its syntax tree, never code that Python runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from agentkit.errors import EvaluationError
from agentkit.plan.bounds import MAX_STEPS, Frame, checked_size, finite, size
from agentkit.plan.functions import CALLS, UNWEIGHED
from agentkit.plan.graph import Arg, Const, Expr, Ref
from agentkit.plan.operators import BINARY, COMPARE, formatted, kind, step_into
from agentkit.plan.turns import Bound, Closure, Turns
from agentkit.types import Json


def evaluate(arg: Arg, scope: Mapping[str, Json]) -> Json:
    """The value of an argument where names mean what `scope` says.

    Raises `EvaluationError` when it has none: a missing field, two things that do not add up, or
    more work than the bounds allow. Values are shared, not copied: treat them as immutable.

    >>> from agentkit.plan.expression import expression
    >>> hits = [{"text": "red", "score": 0.9}, {"text": "blue", "score": 0.2}]
    >>> evaluate(expression("[h.text for h in hits if h.score > 0.5]"), {"hits": hits})
    ['red']
    """
    return _computed(arg, Frame(scope)) if isinstance(arg, Expr) else _known(arg, scope)


def evaluate_each(arg: Arg, scopes: Iterable[Mapping[str, Json]]) -> Iterator[Json]:
    """The value in each of the scopes, as `evaluate` gives it.

    The bounds of one expression hold for all of them together, as they do for a comprehension.
    """
    steps = MAX_STEPS
    for scope in scopes:
        frame = Frame(scope, steps)
        frame.spend(1)
        yield _computed(arg, frame) if isinstance(arg, Expr) else _known(arg, scope)
        steps = frame.steps


def _known(arg: Const | Ref, scope: Mapping[str, Json]) -> Json:
    if isinstance(arg, Const):
        return arg.value
    try:
        value = scope[arg.name]
    except KeyError:
        raise EvaluationError(f"expected a known name; found {arg.name!r}") from None
    for key in arg.path:
        value = step_into(value, key)
    return value


def _computed(expr: Expr, frame: Frame) -> Json:
    try:
        value = _compiled(expr)(frame)
        if isinstance(value, str | list | dict):
            size(value)
    except EvaluationError as error:
        raise EvaluationError(f"{expr.source}: {error}") from None
    except (ArithmeticError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise EvaluationError(f"{expr.source}: {error}") from error
    return value


@lru_cache(maxsize=4096)
def _compiled(expr: Expr) -> Closure:
    """Equal expressions have equal sources, so they can share one closure."""
    return _compile(expr.tree, frozenset())


def _compile(tree: ast.expr, bound: Bound) -> Closure:
    return _COMPILERS[type(tree)](tree, bound)


def _name(tree: ast.Name, bound: Bound) -> Closure:
    name = tree.id
    if name in bound:
        return lambda frame: frame.local[name]

    def look_up(frame: Frame) -> Json:
        try:
            return frame.scope[name]
        except KeyError:
            raise EvaluationError(f"expected a known name; found {name!r}") from None

    return look_up


def _literal(tree: ast.Constant, bound: Bound) -> Closure:
    value: Any = tree.value
    return lambda frame: value


def _field(tree: ast.Attribute, bound: Bound) -> Closure:
    inner, name = _compile(tree.value, bound), tree.attr
    return lambda frame: step_into(inner(frame), name)


def _subscript(tree: ast.Subscript, bound: Bound) -> Closure:
    inner = _compile(tree.value, bound)
    if not isinstance(tree.slice, ast.Slice):
        key = _compile(tree.slice, bound)
        return lambda frame: step_into(inner(frame), key(frame))
    ends = [
        None if part is None else _compile(part, bound)
        for part in (tree.slice.lower, tree.slice.upper, tree.slice.step)
    ]

    def cut(frame: Frame) -> Json:
        value = inner(frame)
        if not isinstance(value, str | list):
            raise EvaluationError(f"expected a list or a text to cut; found {kind(value)}")
        bounds: list[Any] = [None if end is None else end(frame) for end in ends]
        piece = value[slice(*bounds)]
        frame.spend(len(piece) >> 3)
        return piece

    return cut


def _list(tree: ast.List | ast.Tuple, bound: Bound) -> Closure:
    parts = [_compile(part, bound) for part in tree.elts]
    return lambda frame: [part(frame) for part in parts]


def _dict(tree: ast.Dict, bound: Bound) -> Closure:
    keys = [_compile(key, bound) for key in tree.keys if key is not None]
    pairs = list(zip(keys, (_compile(value, bound) for value in tree.values), strict=True))
    return lambda frame: {_key(key(frame)): value(frame) for key, value in pairs}


def _key(key: Json) -> str:
    if isinstance(key, str):
        return key
    raise EvaluationError(f"expected a text as the key of an object; found {kind(key)}")


def _binary(tree: ast.BinOp, bound: Bound) -> Closure:
    left, right = _compile(tree.left, bound), _compile(tree.right, bound)
    operate = BINARY[type(tree.op)]
    return lambda frame: operate(frame, left(frame), right(frame))


def _unary(tree: ast.UnaryOp, bound: Bound) -> Closure:
    inner = _compile(tree.operand, bound)
    if isinstance(tree.op, ast.Not):
        return lambda frame: not inner(frame)
    sign = -1 if isinstance(tree.op, ast.USub) else 1

    def signed(frame: Frame) -> Json:
        value = inner(frame)
        if isinstance(value, int | float):
            return finite(sign * value)
        raise EvaluationError(f"expected a number; found {kind(value)}")

    return signed


def _boolean(tree: ast.BoolOp, bound: Bound) -> Closure:
    parts = [_compile(part, bound) for part in tree.values]
    stop_at = isinstance(tree.op, ast.Or)

    def first_that_decides(frame: Frame) -> Json:
        value: Json = None
        for part in parts:
            value = part(frame)
            if bool(value) is stop_at:
                break
        return value

    return first_that_decides


def _comparison(tree: ast.Compare, bound: Bound) -> Closure:
    left = _compile(tree.left, bound)
    rest = [
        (COMPARE[type(op)], _compile(right, bound))
        for op, right in zip(tree.ops, tree.comparators, strict=True)
    ]

    def compare(frame: Frame) -> Json:
        value = left(frame)
        for operate, part in rest:
            following = part(frame)
            if not operate(frame, value, following):
                return False
            value = following
        return True

    return compare


def _conditional(tree: ast.IfExp, bound: Bound) -> Closure:
    test, then, other = (_compile(part, bound) for part in (tree.test, tree.body, tree.orelse))
    return lambda frame: then(frame) if test(frame) else other(frame)


def _joined(tree: ast.JoinedStr, bound: Bound) -> Closure:
    parts = [_compile(part, bound) for part in tree.values]

    def join(frame: Frame) -> Json:
        texts = [str(part(frame)) for part in parts]
        checked_size(sum(map(len, texts)))
        return "".join(texts)

    return join


def _formatted(tree: ast.FormattedValue, bound: Bound) -> Closure:
    inner, conversion = _compile(tree.value, bound), tree.conversion
    if tree.format_spec is None:
        return lambda frame: formatted(frame, inner(frame), conversion, "")
    spec = _compile(tree.format_spec, bound)
    return lambda frame: formatted(frame, inner(frame), conversion, str(spec(frame)))


def _call(tree: ast.Call, bound: Bound) -> Closure:
    name = tree.func.id if isinstance(tree.func, ast.Name) else ""
    function, weighed = CALLS[name], name not in UNWEIGHED
    args = [_compile(arg, bound) for arg in tree.args]
    named = {word.arg: _compile(word.value, bound) for word in tree.keywords if word.arg}

    def call(frame: Frame) -> Json:
        values = [arg(frame) for arg in args]
        if weighed:
            for value in values:
                frame.weigh(value)
        return function(frame, *values, **{word: arg(frame) for word, arg in named.items()})

    return call


def _comprehension(tree: ast.ListComp | ast.GeneratorExp, bound: Bound) -> Closure:
    turns = Turns(tree, bound, _compile)
    element = _compile(tree.elt, turns.bound)
    return lambda frame: [element(frame) for _ in turns.of(frame)]


def _dict_comprehension(tree: ast.DictComp, bound: Bound) -> Closure:
    turns = Turns(tree, bound, _compile)
    key, value = _compile(tree.key, turns.bound), _compile(tree.value, turns.bound)
    return lambda frame: {_key(key(frame)): value(frame) for _ in turns.of(frame)}


_COMPILERS: dict[type[ast.expr], Callable[[Any, Bound], Closure]] = {
    ast.Name: _name,
    ast.Constant: _literal,
    ast.Attribute: _field,
    ast.Subscript: _subscript,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _comparison,
    ast.IfExp: _conditional,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.Call: _call,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
}
