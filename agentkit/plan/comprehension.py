"""Rewrites a comprehension into the shape of a `Map`: one list, one variable, one condition."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import TypeVar

from agentkit.plan.names import fresh
from agentkit.plan.purity import Comprehension, covered, targets

LOAD = ast.Load()
Tree = TypeVar("Tree", bound=ast.expr)


def as_list(tree: Comprehension) -> Comprehension:
    """Any comprehension as one that makes a list; one for a dict gives `[key, value]`."""
    if isinstance(tree, ast.DictComp):
        element: ast.expr = ast.Tuple([tree.key, tree.value], LOAD)
        ast.copy_location(element, tree)
    else:
        element = tree.elt
    return ast.copy_location(ast.ListComp(element, tree.generators), tree)


def one_clause(tree: ast.ListComp) -> ast.ListComp:
    """The same over one list with one variable and at most one condition, all of it pure."""
    clause = tree.generators[0]
    if len(tree.generators) > 1 or not all(map(covered, clause.ifs)):
        names = [name for part in tree.generators for name in targets(part.target)]
        row: ast.expr = ast.List([ast.Name(name, LOAD) for name in names], LOAD)
        target: ast.expr = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
        if len(names) == 1:
            row, target = ast.Name(names[0], LOAD), ast.Name(names[0], ast.Store())
        rows = ast.ListComp(placed(row, tree), tree.generators)
        ast.copy_location(rows, tree)
        clause = ast.comprehension(placed(target, tree), rows, [], 0)
    tests: list[ast.expr] = clause.ifs
    if len(tests) > 1:
        tests = [ast.copy_location(ast.BoolOp(ast.And(), tests), tests[0])]
    if isinstance(clause.target, ast.Name):
        clause = ast.comprehension(clause.target, clause.iter, tests, 0)
        return ast.copy_location(ast.ListComp(tree.elt, [clause]), tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    var = "item" if "item" not in used else fresh("item", used)
    replaced = Replaced(dict(_unpacked(clause.target, ast.Name(var, LOAD))))
    variable = ast.copy_location(ast.Name(var, ast.Store()), clause.target)
    tests = [replaced.visit(test) for test in tests]
    clause = ast.comprehension(variable, clause.iter, tests, 0)
    return ast.copy_location(ast.ListComp(replaced.visit(tree.elt), [clause]), tree)


class Replaced(ast.NodeTransformer):
    """Puts what stands for a name in its place."""

    def __init__(self, trees: Mapping[str, ast.expr]) -> None:
        self.trees = trees

    def visit_Name(self, node: ast.Name) -> ast.AST:
        tree = self.trees.get(node.id)
        if tree is None or isinstance(node.ctx, ast.Store):
            return node
        return placed(copy.deepcopy(tree), node)


def placed(tree: Tree, at: ast.expr) -> Tree:
    """The tree with all of it standing where `at` stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            ast.copy_location(node, at)
    return tree


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What each name of a target is, as indexes into the element: `(i, (a, b))`."""
    if isinstance(target, ast.Tuple | ast.List):
        for number, part in enumerate(target.elts):
            yield from _unpacked(part, ast.Subscript(value, ast.Constant(number), LOAD))
    elif isinstance(target, ast.Name):
        yield target.id, value
