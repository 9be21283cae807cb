"""From one statement of plan text to the patch it stands for, or to all of its problems."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from agentkit.plan.calls import Calls, Scope
from agentkit.plan.graph import Answer, Arg, Compute, Guard, Node, Observe, Patch, Position, When
from agentkit.plan.names import RESERVED, Names
from agentkit.plan.parse import Statement
from agentkit.plan.problem import Problem
from agentkit.plan.purity import clip
from agentkit.plan.syntax import parse_statements, position
from agentkit.tool import Tool

_INSTEAD: dict[type[ast.stmt], str] = {
    ast.For: "a list comprehension, `done = [tool(x=item) for item in items]`",
    ast.While: "a list comprehension over a list",
    ast.Import: "tools and the pure functions of the language, without imports",
    ast.ImportFrom: "tools and the pure functions of the language, without imports",
    ast.AugAssign: "a new name for each value",
    ast.FunctionDef: "calls of the tools there are",
    ast.Return: "`answer(…)`",
}


def lower(statement: Statement, tools: Mapping[str, Tool], names: Names) -> Patch | list[Problem]:
    """The patch of one statement; its names are then taken in `names`.

    Calls nested in arguments become nodes of their own, comprehensions with calls `Map`s, an `if`
    a `Guard` and nodes that depend on it. Whether tools, names and types exist is the check's to
    say. Every problem has its line and column in the whole text.
    """
    trees = parse_statements(statement.text, Position(statement.line))
    if isinstance(trees, Problem):
        return [trees]
    lowering = _Lowering(tools, names)
    for tree in trees:
        lowering.hidden_names(tree)
    lowering.statements(trees, None)
    if lowering.calls.problems:
        names.taken -= lowering.bound
        names.guards -= lowering.bound
        return lowering.calls.problems
    return Patch(add=tuple(lowering.nodes), answer=lowering.answer, source=statement.text)


class _Lowering:
    def __init__(self, tools: Mapping[str, Tool], names: Names) -> None:
        self.calls = Calls(tools)
        self.names = names
        self.bound: set[str] = set()
        self.nodes: list[Node] = []
        self.answer: Answer | None = None

    def hidden_names(self, tree: ast.stmt) -> None:
        """Names and fields that begin with an underscore are outside the language."""
        for node in ast.walk(tree):
            name = ""
            if isinstance(node, ast.Name):
                name = node.id
            elif isinstance(node, ast.Attribute):
                name = node.attr
            if name.startswith("_") and isinstance(node, ast.expr):
                expected = "a name that does not begin with an underscore"
                self.calls.problem("outside_language", expected, repr(name), position(node))

    def statements(self, trees: Sequence[ast.stmt], when: When | None) -> None:
        for tree in trees:
            match tree:
                case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                    self._bind(name, value, self._scope(when), position(target))
                case ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value):
                    self._bind(name, value, self._scope(when), position(target))
                case ast.If():
                    self._if(tree, when)
                case ast.Expr(value=value):
                    self._bare(value, self._scope(when))
                case ast.Pass():
                    pass
                case _:
                    expected = _INSTEAD.get(type(tree), "`name = …`, `if …:` or a call of a tool")
                    self.calls.problem(
                        "outside_language", expected, _first_line(tree), position(tree)
                    )

    def _scope(self, when: When | None) -> Scope:
        return Scope(self._fresh, when, nodes=self.nodes)

    def _fresh(self, stem: str) -> str:
        name = self.names.fresh(stem)
        self._take(name)
        return name

    def _take(self, name: str) -> None:
        self.names.taken.add(name)
        self.bound.add(name)

    def _claim(self, name: str, at: Position) -> None:
        """Take a name that the text gives."""
        if name in RESERVED:
            self.calls.problem("outside_language", "another name", f"the reserved {name!r}", at)
        elif name in self.names.taken:
            self.calls.problem("bound_twice", "a new name", f"{name!r}, bound before", at)
        else:
            self._take(name)

    def _bind(self, name: str, value: ast.expr, scope: Scope, at: Position) -> None:
        self._claim(name, at)
        calls = self.calls
        if isinstance(value, ast.Call) and _function(value) == "observe":
            using = self._using(value, scope)
            self.nodes.append(Observe(id=name, using=using, when=scope.when, at=at))
        elif isinstance(value, ast.Call) and calls.is_call(value) and _function(value) != "answer":
            self.nodes.append(calls.call(value, name, scope))
        elif isinstance(value, ast.ListComp | ast.GeneratorExp) and calls.has_call(value.elt):
            made = calls.map(value, name, scope)
            self.nodes += [made] if made else []
        else:
            pure = calls.arg(value, scope)
            self.nodes.append(Compute(id=name, value=pure, when=scope.when, at=at))

    def _bare(self, value: ast.expr, scope: Scope) -> None:
        at = position(value)
        match value:
            case ast.Constant(value=str()):
                pass  # a comment in the form of a text
            case ast.Call(func=ast.Name(id="answer")):
                self._answer(value, scope, at)
            case ast.Call(func=ast.Name(id="observe")):
                using = self._using(value, scope)
                name = self._fresh("observe")
                self.nodes.append(Observe(id=name, using=using, when=scope.when, at=at))
            case ast.Call() if self.calls.is_call(value):
                self.nodes.append(self.calls.call(value, None, scope))
            case ast.ListComp() if self.calls.has_call(value.elt):
                made = self.calls.map(value, None, scope)
                self.nodes += [made] if made else []
            case _:
                expected = "`name = …` or a call of a tool"
                self.calls.problem("outside_language", expected, clip(value), at)

    def _if(self, tree: ast.If, when: When | None) -> None:
        guard = self._guard(tree.test, when)
        self.statements(tree.body, When(guard, True))
        self.statements(tree.orelse, When(guard, False))

    def _guard(self, test: ast.expr, when: When | None) -> str:
        """The guard of an `if`; `if guard:` goes on under one that is there already."""
        if isinstance(test, ast.Name) and test.id in self.names.guards:
            return test.id
        at = position(test)
        if isinstance(test, ast.NamedExpr):
            name, test = test.target.id, test.value
            self._claim(name, at)
        else:
            name = self._fresh("if")
        pure = self.calls.arg(test, self._scope(when))
        self.nodes.append(Guard(id=name, test=pure, when=when, at=at))
        self.names.guards.add(name)
        self.bound.add(name)
        return name

    def _using(self, tree: ast.Call, scope: Scope) -> tuple[Arg, ...]:
        for keyword in tree.keywords:
            if keyword.arg != "using":
                expected, at = "the results to look at", position(keyword)
                self.calls.problem("unknown_argument", expected, f"{keyword.arg!r}", at)
        values = [*tree.args, *(keyword.value for keyword in tree.keywords)]
        return self._each(values, scope)

    def _each(self, values: Sequence[ast.expr], scope: Scope) -> tuple[Arg, ...]:
        if len(values) == 1 and isinstance(values[0], ast.List | ast.Tuple):
            values = values[0].elts
        return tuple(self.calls.arg(value, scope) for value in values)

    def _answer(self, tree: ast.Call, scope: Scope, at: Position) -> None:
        if scope.when is not None or self.answer is not None:
            expected = "one answer, outside of any `if`"
            self.calls.problem("outside_language", expected, clip(tree), at)
            return
        text: Arg | None = None
        using: list[ast.expr] = []
        for value in tree.args:
            if text is None and _is_text(value):
                text = self.calls.arg(value, scope)
            else:
                using.append(value)
        for keyword in tree.keywords:
            if keyword.arg == "text" and text is None:
                text = self.calls.arg(keyword.value, scope)
            elif keyword.arg == "using" and not using:
                using.append(keyword.value)
            else:
                found, at = f"{keyword.arg!r}", position(keyword)
                self.calls.problem("unknown_argument", "`text` or `using`, once", found, at)
        self.answer = Answer(using=self._each(using, scope), text=text, at=at)


def _function(tree: ast.Call) -> str:
    return tree.func.id if isinstance(tree.func, ast.Name) else ""


def _is_text(tree: ast.expr) -> bool:
    return isinstance(tree, ast.JoinedStr) or (
        isinstance(tree, ast.Constant) and isinstance(tree.value, str)
    )


def _first_line(tree: ast.stmt) -> str:
    return clip(tree).split("\n", 1)[0]
