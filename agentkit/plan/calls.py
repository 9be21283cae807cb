"""Takes the tool calls out of expressions: what remains is pure, and each call is a node.

A comprehension with calls becomes a `Map`. What is neither pure nor a call, a method for example,
becomes a call of the tool `python`, which runs that piece of source in its sandbox.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from agentkit.errors import InvalidPlan
from agentkit.nearest import nearest
from agentkit.plan.comprehension import LOAD, as_list, one_clause
from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Call, Const, Map, Node, Position, Ref, When
from agentkit.plan.names import RESERVED, fresh
from agentkit.plan.problem import Code, Problem
from agentkit.plan.purity import (
    FUNCTIONS,
    Comprehension,
    clip,
    outside_problem,
    targets,
    uncovered,
)
from agentkit.plan.sandbox import SANDBOX, SANDBOX_FUNCTIONS, sandbox_args
from agentkit.plan.syntax import position
from agentkit.tool import Tool


@dataclass(slots=True)
class Scope:
    """Where calls go that are taken out of an expression: the plan, or the body of a map."""

    fresh: Callable[[str], str]
    when: When | None = None
    in_map: bool = False
    nodes: list[Node] = field(default_factory=list[Node])


class Calls:
    """Lowers the expressions of one statement; what is wrong with them collects in `problems`."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self.tools = tools
        self.problems: list[Problem] = []

    def problem(self, code: Code, expected: str, found: str, at: Position) -> None:
        """Note one problem."""
        self.problems.append(Problem(code=code, expected=expected, found=found, at=at))

    def is_call(self, tree: ast.AST) -> bool:
        """Whether this is a call of a tool, or of a name that should be one."""
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            return False
        name = tree.func.id
        return name in self.tools or (name not in FUNCTIONS and name not in SANDBOX_FUNCTIONS)

    def has_call(self, tree: ast.AST) -> bool:
        """Whether a tool is called anywhere in it."""
        return any(self.is_call(node) for node in ast.walk(tree))

    def arg(self, tree: ast.expr, scope: Scope) -> Arg:
        """The argument that a tree stands for; the calls in it go to the scope first."""
        pure: ast.expr = _Pull(self, scope).visit(tree)
        outside = uncovered(pure)
        if outside is not None:
            return self._sandboxed(pure, outside, scope)
        try:
            return expression(pure)
        except InvalidPlan as error:
            self.problems.extend(error.problems)
            return Const(None)

    def call(self, tree: ast.Call, name: str | None, scope: Scope) -> Call:
        """The node of one call; those nested in its arguments go to the scope before it."""
        tool = tree.func.id if isinstance(tree.func, ast.Name) else ""
        args: dict[str, Arg] = {}
        for key, value in self._arguments(tree, tool):
            if key in args:
                self.problem("unknown_argument", f"{key!r} once", "it twice", position(value))
            args[key] = self.arg(value, scope)
        name = name or scope.fresh(tool)
        return Call(id=name, tool=tool, args=args, when=scope.when, at=position(tree))

    def map(self, tree: Comprehension, name: str | None, scope: Scope) -> Map | None:
        """The node of a comprehension that calls tools; None where it cannot be one."""
        if scope.in_map:
            self._refuse(tree, "calls for each element at one level; bind the inner list first")
            return None
        tree = as_list(tree)
        first = tree.generators[0]
        first.iter = _Pull(self, scope).visit(first.iter)
        if not self._pure_clauses(tree) or not isinstance(tree, ast.ListComp):
            return None
        at = position(tree)
        tree = one_clause(tree)
        clause = tree.generators[0]
        over = self.arg(clause.iter, scope)
        avoid = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        body = Scope(lambda stem: _take(stem, avoid), in_map=True)
        value = self.arg(self._last(tree.elt, body), body)
        where = self.arg(clause.ifs[0], body) if clause.ifs else None
        calls = tuple(node for node in body.nodes if isinstance(node, Call))
        name = name or scope.fresh(calls[-1].tool if calls else "map")
        var = targets(clause.target)[0]
        if len({var, *(call.id for call in calls)}) <= len(calls):
            self.problem("bound_twice", "a name for each call", clip(tree), at)
        return Map(id=name, over=over, var=var, body=calls, value=value,
                   where=where, when=scope.when, at=at)  # fmt: skip

    def _last(self, tree: ast.expr, body: Scope) -> ast.expr:
        """Spelled-out form of a body: `(a := f(x=h), b := g(x=a), value)[-1]`."""
        match tree:
            case ast.Subscript(
                value=ast.Tuple(elts=[*steps, last]),
                slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)),
            ) if steps and all(isinstance(step, ast.NamedExpr) for step in steps):
                for step in steps:
                    _Pull(self, body).visit(step)
                return last
            case _:
                return tree

    def _pure_clauses(self, tree: Comprehension) -> bool:
        parts = [test for clause in tree.generators for test in clause.ifs]
        parts += [clause.iter for clause in tree.generators[1:]]
        called = [part for part in parts if self.has_call(part)]
        for part in called:
            self._refuse(part, "conditions and inner lists without calls of tools")
        return not called

    def _refuse(self, tree: ast.expr, expected: str) -> None:
        self.problem("outside_language", expected, clip(tree), position(tree))

    def _arguments(self, tree: ast.Call, tool: str) -> Iterator[tuple[str, ast.expr]]:
        names = _parameters(self.tools.get(tool))
        for number, value in enumerate(tree.args):
            if isinstance(value, ast.Starred):
                self._refuse(value, "each argument written out")
            elif tool not in self.tools:
                self.problems.append(
                    Problem(code="unknown_tool", expected="a tool", found=repr(tool),
                            nearest=nearest(tool, self.tools), at=position(tree))
                )  # fmt: skip
                return
            elif number >= len(names):
                expected = f"at most {len(names)} arguments of {tool}"
                self.problem("unknown_argument", expected, clip(value), position(value))
            else:
                yield names[number], value
        for keyword in tree.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value
            elif isinstance(keyword.value, ast.Dict):
                yield from self._spelled(keyword.value)
            else:
                self._refuse(keyword.value, "each argument written out")

    def _spelled(self, tree: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
        """`**{"max-results": 5}`: arguments whose names cannot be written as keywords."""
        for key, value in zip(tree.keys, tree.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
            else:
                self._refuse(tree, "the names of arguments as texts")

    def _sandboxed(self, tree: ast.expr, outside: ast.expr, scope: Scope) -> Arg:
        args = sandbox_args(tree) if SANDBOX in self.tools else None
        if args is None:
            self.problems.append(outside_problem(outside))
            return Const(None)
        name, at = scope.fresh(SANDBOX), position(tree)
        scope.nodes.append(Call(id=name, tool=SANDBOX, args=args, when=scope.when, at=at))
        return Ref(name, ("value",), at)


class _Pull(ast.NodeTransformer):
    """Replaces each call of a tool by the name of its node, in the order of evaluation."""

    def __init__(self, calls: Calls, scope: Scope) -> None:
        self.calls, self.scope = calls, scope

    def _name(self, node: Node, tree: ast.expr) -> ast.expr:
        self.scope.nodes.append(node)
        return ast.copy_location(ast.Name(node.id, LOAD), tree)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not self.calls.is_call(node):
            return self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in RESERVED:
            expected = f"{node.func.id}(…) as a statement of its own"
            self.calls.problem("outside_language", expected, clip(node), position(node))
            return node
        return self._name(self.calls.call(node, None, self.scope), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        call = node.value
        if not self.scope.in_map or not isinstance(call, ast.Call) or not self.calls.is_call(call):
            expected = "a name bound by a statement of its own"
            self.calls.problem("outside_language", expected, clip(node), position(node))
            return node.value
        return self._name(self.calls.call(call, node.target.id, self.scope), node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return self._always([node.body, node.orelse], node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        return self._always(node.values[1:], node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._always([node.body], node)

    def _always(self, parts: list[ast.expr], node: ast.expr) -> ast.AST:
        """Calls that may not happen cannot be taken out, for then they would."""
        for part in parts:
            if self.calls.has_call(part):
                expected = "an `if` statement around a call that depends on a condition"
                self.calls.problem("outside_language", expected, clip(part), position(part))
                return node
        return self.generic_visit(node)

    def _comprehension(self, node: Comprehension) -> ast.AST:
        outer, inner = node.generators[0].iter, copy.copy(node)
        inner.generators = [copy.copy(node.generators[0]), *node.generators[1:]]
        inner.generators[0].iter = ast.copy_location(ast.Constant(None), outer)
        if not self.calls.has_call(inner):
            node.generators[0].iter = self.visit(outer)
            return node
        made = self.calls.map(node, None, self.scope)
        if made is None:
            return node
        name = self._name(made, node)
        if not isinstance(node, ast.DictComp):
            return name
        call = ast.Call(ast.copy_location(ast.Name("dict", LOAD), node), [name], [])
        return ast.copy_location(call, node)

    visit_ListComp = _comprehension
    visit_SetComp = _comprehension
    visit_GeneratorExp = _comprehension
    visit_DictComp = _comprehension


def _parameters(tool: Tool | None) -> list[str]:
    properties = tool.input_schema.get("properties") if tool else None
    return list(properties) if isinstance(properties, dict) else []


def _take(stem: str, taken: set[str]) -> str:
    name = fresh(stem, taken)
    taken.add(name)
    return name
