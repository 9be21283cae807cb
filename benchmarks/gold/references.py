"""Values of a data set that refer to earlier results, by marks in their texts, as arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Const, Ref

Meaning: TypeAlias = Callable[[re.Match[str]], Ref]
"""What one mark in a text refers to."""


def argument(value: Any, mark: re.Pattern[str], meaning: Meaning) -> Arg:
    """A value as an argument; a text that is one mark is that result, in others it is filled in.

    >>> whole = re.compile(r"<(\\w+)>")
    >>> argument("<a>", whole, lambda found: Ref(found[1]))
    Ref(name='a', path=(), at=Position(line=1, column=1))
    >>> argument({"k": ["see <a>"]}, whole, lambda found: Ref(found[1])).source
    "{'k': [f'see {a}']}"
    """
    if not any(mark.search(text) for text in _texts(value)):
        return Const(value)
    return expression(ast.fix_missing_locations(_tree(value, mark, meaning)))


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in cast("list[Any]", value):
                yield from _texts(item)
        case dict():
            for item in cast("dict[str, Any]", value).values():
                yield from _texts(item)
        case _:
            pass


def _tree(value: Any, mark: re.Pattern[str], meaning: Meaning) -> ast.expr:
    match value:
        case str():
            return _text(value, mark, meaning)
        case list():
            items = cast("list[Any]", value)
            return ast.List([_tree(item, mark, meaning) for item in items], ast.Load())
        case dict():
            fields = cast("dict[str, Any]", value)
            names: list[ast.expr | None] = [ast.Constant(name) for name in fields]
            return ast.Dict(names, [_tree(item, mark, meaning) for item in fields.values()])
        case _:
            return ast.Constant(value)


def _text(text: str, mark: re.Pattern[str], meaning: Meaning) -> ast.expr:
    whole = mark.fullmatch(text)
    if whole is not None:
        return _reference(meaning(whole))
    parts: list[ast.expr] = []
    end = 0
    for found in mark.finditer(text):
        parts.append(ast.Constant(text[end : found.start()]))
        parts.append(ast.FormattedValue(_reference(meaning(found)), -1))
        end = found.end()
    parts.append(ast.Constant(text[end:]))
    # as Python parses it: no empty texts
    kept = [part for part in parts if not (isinstance(part, ast.Constant) and part.value == "")]
    return ast.JoinedStr(kept)


def _reference(ref: Ref) -> ast.expr:
    tree: ast.expr = ast.Name(ref.name, ast.Load())
    for step in ref.path:
        tree = ast.Subscript(tree, ast.Constant(step), ast.Load())
    return tree
