"""A plan as text of the plan language, one statement a node; reading it gives the same plan."""

from __future__ import annotations

import ast
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentkit.plan.comprehension import Replaced
from agentkit.plan.expression import arg_source
from agentkit.plan.graph import (
    Answer,
    Arg,
    Call,
    Compute,
    Expr,
    Guard,
    Map,
    Node,
    Observe,
    Patch,
    Plan,
    Ref,
    When,
    needs,
)
from agentkit.plan.lower import lower
from agentkit.plan.names import Names, is_field
from agentkit.plan.parse import Statement
from agentkit.plan.syntax import parse_expression

MAX_BLOCKS = 12
"""Blocks within blocks that are written; a guard deeper down is named instead."""


def to_source(plan: Plan) -> str:
    """The text of a whole plan, each node after those that it needs.

    `parse_program` with the same tools and `Plan(inputs=plan.inputs)` gives the same plan back.

    >>> from agentkit.plan.graph import Const
    >>> print(to_source(Plan(nodes={"half": Compute(id="half", value=Const(0.5))})))
    half = 0.5
    <BLANKLINE>
    """
    return _source(list(plan.nodes.values()), plan.answer, Names(Plan(inputs=plan.inputs)))


def patch_source(patch: Patch, plan: Plan | None = None) -> str:
    """The text of a patch to `plan`: what its author wrote, or else what it adds.

    What it replaces and removes is said in comments, for the language has no words for that.
    """
    if patch.source:
        return patch.source
    notes = [f"# removes {name}\n" for name in patch.remove]
    notes += [f"# replaces {node.id}\n" for node in patch.replace]
    nodes = [*patch.replace, *patch.add]
    return "".join(notes) + _source(nodes, patch.answer, Names(plan or Plan()))


def _source(nodes: Sequence[Node], answer: Answer | None, names: Names) -> str:
    writer = _Writer(names, {node.id: node.when for node in nodes if isinstance(node, Guard)})
    for node in _in_order(nodes):
        writer.node(node)
    writer.leave(0)
    if answer is not None:
        writer.lines.append(_answer(answer))
    return "".join(f"{line}\n" for line in writer.lines)


@dataclass(slots=True)
class _Block:
    when: When
    empty: bool = True


class _Writer:
    """Writes nodes in order; the blocks that are open say which guards hold here."""

    def __init__(self, names: Names, guards: Mapping[str, When | None]) -> None:
        self.names = names
        self.guards = guards
        self.lines: list[str] = []
        self.blocks: list[_Block] = []

    def node(self, node: Node) -> None:
        self._enter(node.when)
        if isinstance(node, Guard):
            self._line(f"if {self._test(node)}:")
            self.blocks.append(_Block(When(node.id)))
        elif isinstance(node, Observe) and node.id == self.names.fresh("observe"):
            self._line(_observe(node))
        else:
            self._line(f"{node.id} = {_value(node)}")
        self.names.taken.add(node.id)

    def leave(self, depth: int) -> None:
        """Close blocks until only `depth` are open."""
        while len(self.blocks) > depth:
            if self.blocks[-1].empty:
                self._line("pass")
            self.blocks.pop()

    def _enter(self, when: When | None) -> None:
        path = self._path(when)
        same = 0
        while same < min(len(path), len(self.blocks)) and path[same] == self.blocks[same].when:
            same += 1
        self.leave(same + 1)
        if len(self.blocks) > same:
            here = self.blocks[same].when
            if same < len(path) and path[same].guard == here.guard and here.holds:
                self._otherwise()
                same += 1
            else:
                self.leave(same)
        for guard, holds in path[same:]:
            self._line(f"if {guard}:")
            self.blocks.append(_Block(When(guard)))
            if not holds:
                self._otherwise()

    def _otherwise(self) -> None:
        guard = self.blocks[-1].when.guard
        self.leave(len(self.blocks) - 1)
        self._line("else:")
        self.blocks.append(_Block(When(guard, False)))

    def _path(self, when: When | None) -> list[When]:
        """The guards that must hold, from the outermost on; the inner ones imply the outer."""
        path: list[When] = []
        while when is not None and len(path) < MAX_BLOCKS:
            path.append(when)
            when = self.guards.get(when.guard)
        return path[::-1]

    def _line(self, text: str) -> None:
        self.lines.append("    " * len(self.blocks) + text)
        if self.blocks:
            self.blocks[-1].empty = False

    def _test(self, guard: Guard) -> str:
        """Names the guard where the reader would not give it this id, or take it for another."""
        test = arg_source(guard.test)
        if guard.id == self.names.fresh("if") and not self._is_guard(guard.test):
            return test
        return f"({guard.id} := {test})"

    def _is_guard(self, test: Arg) -> bool:
        known = self.guards.keys() | self.names.guards
        return isinstance(test, Ref) and not test.path and test.name in known


def _in_order(nodes: Sequence[Node]) -> Iterable[Node]:
    """The nodes so that each follows those that it needs, otherwise as they stand."""
    place = {node.id: number for number, node in enumerate(nodes)}
    waits = {node.id: {name for name in needs(node) if name in place} for node in nodes}
    needed_by: dict[str, list[str]] = {name: [] for name in place}
    for name, needed in waits.items():
        for other in needed:
            needed_by[other].append(name)
    ready = [place[name] for name, needed in waits.items() if not needed]
    heapq.heapify(ready)
    written: set[str] = set()
    while ready:
        node = nodes[heapq.heappop(ready)]
        written.add(node.id)
        yield node
        for name in needed_by[node.id]:
            waits[name].discard(node.id)
            if not waits[name]:
                heapq.heappush(ready, place[name])
    yield from (node for node in nodes if node.id not in written)  # a cycle: the check will say


def _value(node: Node) -> str:
    match node:
        case Call():
            return _call(node)
        case Map():
            return _map(node)
        case Compute():
            return arg_source(node.value)
        case Observe():
            return _observe(node)
        case Guard():
            raise AssertionError("guards are written as blocks")


def _call(call: Call) -> str:
    words = [f"{name}={arg_source(arg)}" for name, arg in call.args.items() if is_field(name)]
    others = [
        f"{name!r}: {arg_source(arg)}" for name, arg in call.args.items() if not is_field(name)
    ]
    if others:
        words.append(f"**{{{', '.join(others)}}}")
    return f"{call.tool}({', '.join(words)})"


def _observe(node: Observe) -> str:
    shown = ", ".join(map(arg_source, node.using))
    return (
        f"observe([{shown}])" if len(node.using) == 1 and shown[0] == "[" else f"observe({shown})"
    )


def _answer(answer: Answer) -> str:
    parts: list[str] = []
    if answer.text is not None:
        parts.append(f"text={arg_source(answer.text)}")
    if answer.using:
        parts.append(f"using=[{', '.join(map(arg_source, answer.using))}]")
    return f"answer({', '.join(parts)})"


def _map(node: Map) -> str:
    """With its calls nested in each other where that reads back the same, else spelled out."""
    clauses = f" for {node.var} in {_operand(node.over)}"
    if node.where is not None:
        clauses += f" if {_operand(node.where)}"
    nested = _nested(node)
    if nested is not None:
        text = f"[{nested}{clauses}]"
        patch = lower(Statement(f"{node.id} = {text}", 1), {}, Names(Plan()))
        if isinstance(patch, Patch) and patch.add == (_unguarded(node),):
            return text
    calls = ", ".join(f"{call.id} := {_call(call)}" for call in node.body)
    return f"[({calls}, {arg_source(node.value)})[-1]{clauses}]"


def _unguarded(node: Map) -> Map:
    return Map(id=node.id, over=node.over, var=node.var, body=node.body, value=node.value,
               where=node.where)  # fmt: skip


def _nested(node: Map) -> str | None:
    trees: dict[str, ast.expr] = {}
    for call in node.body:
        tree = _tree(_call(call))
        if tree is None:
            return None
        trees[call.id] = Replaced(trees).visit(tree)
    value = _tree(arg_source(node.value))
    try:
        return None if value is None else ast.unparse(Replaced(trees).visit(value))
    except (ValueError, RecursionError):  # no quoting fits, or far too deep
        return None


def _tree(source: str) -> ast.expr | None:
    parsed = parse_expression(source)
    return parsed if isinstance(parsed, ast.expr) else None


def _operand(arg: Arg) -> str:
    conditional = isinstance(arg, Expr) and isinstance(arg.tree, ast.IfExp)
    return f"({arg_source(arg)})" if conditional else arg_source(arg)
