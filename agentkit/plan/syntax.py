"""From text to syntax trees whose positions are those of the whole plan text.

Everything that Python's parser can throw at hostile text comes out as a `Problem`.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from typing import TypeVar

from agentkit.plan.graph import START, Position
from agentkit.plan.problem import Problem

MAX_DEPTH = 64
"""Levels of a syntax tree: what walks it recursively stays far from the interpreter's limit."""

Tree = TypeVar("Tree", ast.Module, ast.Expression)


def parse_statements(text: str, at: Position = START) -> list[ast.stmt] | Problem:
    """The statements of a piece of plan text that begins in line `at.line`.

    A piece that is indented as a whole is read as if it were not.
    """
    if text[:1] in (" ", "\t"):
        module = _parse("if 1:\n" + text, ast.parse, at.line - 1)
        if isinstance(module, ast.Module) and isinstance(module.body[0], ast.If):
            return module.body[0].body
    else:
        module = _parse(text, ast.parse, at.line)
    return module.body if isinstance(module, ast.Module) else module


def parse_expression(source: str) -> ast.expr | Problem:
    """The tree of one expression: a little deeper than what a statement may hold of it."""
    parsed = _parse(source, _expression, START.line, MAX_DEPTH + 16)
    return parsed.body if isinstance(parsed, ast.Expression) else parsed


def position(node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> Position:
    """Where a node of these trees stands in the text; the column counts characters."""
    return Position(node.lineno, node.col_offset + 1)


def _expression(text: str) -> ast.Expression:
    return ast.parse(text, mode="eval")


def _parse(
    text: str, parse: Callable[[str], Tree], first_line: int, most: int = MAX_DEPTH
) -> Tree | Problem:
    try:
        with warnings.catch_warnings():
            if "\\" in text:  # an invalid escape warns, and the plan's author never sees it
                warnings.simplefilter("ignore")
            tree = parse(text)
    except SyntaxError as error:
        line = first_line + max(error.lineno or 1, 1) - 1
        at = Position(max(line, 1), max(error.offset or 1, 1))
        return Problem(code="syntax", expected="Python syntax", found=error.msg, at=at)
    except (ValueError, RecursionError, MemoryError) as error:
        found = str(error) or "too deep a nesting"
        at = Position(max(first_line, 1))
        return Problem(code="syntax", expected="Python syntax", found=found, at=at)
    if _too_deep(tree, most):
        found = f"more than {most} levels"
        at = Position(max(first_line, 1))
        return Problem(code="limit", expected="shallower nesting", found=found, at=at)
    _place(tree, text, first_line)
    return tree


def _too_deep(tree: ast.AST, most: int) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(most):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


def _place(tree: ast.AST, text: str, first_line: int) -> None:
    """Turn byte columns into character columns and lines of the piece into lines of the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # what Python's parser counts as lines
    lines = None if text.isascii() else [line.encode() for line in text.split("\n")]
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.arg):
            if lines is not None:
                before = lines[node.lineno - 1][: node.col_offset]
                node.col_offset = len(before.decode(errors="replace"))
            node.lineno += first_line - 1
