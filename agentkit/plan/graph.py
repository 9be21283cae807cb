"""The plan: an immutable graph of nodes, and the patches that change it.

Names link everything. A node's id is the name that its statement binds; an argument is a constant,
a reference to an input or a node, or a pure expression over such references. Positions travel with
the pieces so that a problem can point at the text it came from; comparisons ignore them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from agentkit.types import Json, Schema


class Position(NamedTuple):
    """A place in a plan's text; both counts start at 1."""

    line: int = 1
    column: int = 1


START = Position()


@dataclass(frozen=True, slots=True)
class Const:
    """A literal JSON value."""

    value: Json
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Ref:
    """A named value, or something inside it: `hits[0].text` is `Ref("hits", (0, "text"))`."""

    name: str
    path: tuple[str | int, ...] = ()
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True)
class Expr:
    """A pure expression. Two are equal when their normalised sources are.

    `tree` is the parsed source with the positions of the original text; `names` are its free
    names, which are the plan's edges. Built by `agentkit.plan.expression.expression`.
    """

    source: str
    tree: ast.expr = field(compare=False, repr=False)
    names: frozenset[str] = field(compare=False)
    at: Position = field(default=START, compare=False)


Arg: TypeAlias = Const | Ref | Expr


class When(NamedTuple):
    """A node runs only where the guard of this id came out as `holds`."""

    guard: str
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a tool: `talk = transcribe(audio=call)`."""

    id: str
    tool: str
    args: Mapping[str, Arg]
    when: When | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One small chain of calls per element of a list that is known only at run time.

    `[summarize(text=h.text) for h in hits if h.score > 0.3]`: `over` is `hits`, `var` is `h`,
    `where` the condition (over `var` and earlier names), `body` the calls in order (ids local to
    the map, arguments over `var`, earlier body ids and earlier names), `value` what one element
    contributes to the resulting list.
    """

    id: str
    over: Arg
    var: str
    body: tuple[Call, ...]
    value: Arg
    where: Arg | None = None
    when: When | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A pure value: `total = price * 1.19`."""

    id: str
    value: Arg
    when: When | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A condition; nodes whose `when` names it run only where it holds."""

    id: str
    test: Arg
    when: When | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """Hand these results to the planner before it goes on planning."""

    id: str
    using: tuple[Arg, ...]
    when: When | None = None
    at: Position = field(default=START, compare=False)


Node: TypeAlias = Call | Map | Compute | Guard | Observe


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How the run's answer is made: `text` as it stands, or a synthesis over `using`."""

    using: tuple[Arg, ...] = ()
    text: Arg | None = None
    at: Position = field(default=START, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change of a plan: nodes added, replaced, removed; an answer set.

    `source` is the text the planner wrote for it, if it wrote text.
    """

    add: tuple[Node, ...] = ()
    replace: tuple[Node, ...] = ()
    remove: tuple[str, ...] = ()
    answer: Answer | None = None
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An immutable directed acyclic graph: inputs (name to schema), nodes in order, an answer.

    A notebook shows it as a drawing.
    """

    inputs: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])
    answer: Answer | None = None

    def _repr_svg_(self) -> str:
        from agentkit.plan.svg import svg

        return svg(self)


def apply(plan: Plan, patch: Patch) -> Plan:
    """The plan after the patch; an unknown id in `replace` or `remove` is a `KeyError`."""
    nodes = dict(plan.nodes)
    for name in patch.remove:
        del nodes[name]
    for node in patch.replace:
        if node.id not in nodes:
            raise KeyError(node.id)
        nodes[node.id] = node
    for node in patch.add:
        nodes[node.id] = node
    return Plan(inputs=plan.inputs, nodes=nodes, answer=patch.answer or plan.answer)


def names_in(arg: Arg) -> frozenset[str]:
    """The names an argument refers to."""
    match arg:
        case Const():
            return frozenset()
        case Ref():
            return frozenset((arg.name,))
        case Expr():
            return arg.names


def needs(node: Node | Answer) -> frozenset[str]:
    """Every input and node that must be known before this one can run."""
    found: set[str] = set()
    for arg in _args(node):
        found |= names_in(arg)
    if isinstance(node, Map):
        found -= {node.var, *(call.id for call in node.body)}
        found |= names_in(node.over)
    if not isinstance(node, Answer) and node.when is not None:
        found.add(node.when.guard)
    return frozenset(found)


def _args(node: Node | Answer) -> Iterable[Arg]:
    match node:
        case Call():
            return node.args.values()
        case Map():
            where = () if node.where is None else (node.where,)
            return (*(arg for call in node.body for arg in call.args.values()), node.value, *where)
        case Compute():
            return (node.value,)
        case Guard():
            return (node.test,)
        case Observe():
            return node.using
        case Answer():
            return node.using if node.text is None else (*node.using, node.text)
