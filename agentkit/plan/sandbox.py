"""What the evaluator does not cover, as a call of the tool `python`."""

from __future__ import annotations

import ast
import copy

from agentkit.plan.comprehension import LOAD, placed
from agentkit.plan.expression import expression
from agentkit.plan.graph import Arg, Const
from agentkit.plan.purity import free_names
from agentkit.plan.syntax import position

SANDBOX = "python"
"""The tool that runs such source: `python(code=…, values=…)["value"]`."""

SANDBOX_FUNCTIONS = frozenset(
    "set tuple frozenset reversed map filter divmod pow ord chr isinstance repr ascii format hex "
    "bin oct next iter type callable hash slice bytes".split()
)
"""Python's own functions that are no tools, so that a call of them is left to the sandbox."""


def sandbox_args(tree: ast.expr) -> dict[str, Arg] | None:
    """The arguments that make the sandbox compute a tree; None where its source cannot be written.

    >>> tree = ast.parse("talk.text.upper()", mode="eval").body
    >>> args = sandbox_args(tree)
    >>> args["code"].value, args["values"].source
    ("talk['text'].upper()", "{'talk': talk}")
    """
    if any(isinstance(node, _NOT_A_VALUE) for node in ast.walk(tree)):
        return None
    try:
        code = ast.unparse(_Subscripted().visit(copy.deepcopy(tree)))
    except ValueError:  # an f-string that no quoting fits
        return None
    names = sorted(free_names(tree) - SANDBOX_FUNCTIONS)
    values = ast.Dict([ast.Constant(name) for name in names], [ast.Name(n, LOAD) for n in names])
    return {"code": Const(code, position(tree)), "values": expression(placed(values, tree))}


_NOT_A_VALUE = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


class _Subscripted(ast.NodeTransformer):
    """Fields as Python spells them on plain data; the name of a method stays as it is."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute):
            node.func.value = self.visit(node.func.value)
            node.args = [self.visit(arg) for arg in node.args]
            node.keywords = [self.visit(keyword) for keyword in node.keywords]
            return node
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        key = ast.Constant(node.attr)
        return placed(ast.Subscript(self.visit(node.value), key, node.ctx), node)
