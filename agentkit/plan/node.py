"""What is wrong with one node where certain names have certain types, and the type it binds."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agentkit.nearest import nearest
from agentkit.plan.graph import (
    Answer,
    Arg,
    Call,
    Compute,
    Const,
    Guard,
    Map,
    Node,
    Observe,
    Position,
    When,
    names_in,
)
from agentkit.plan.infer import infer
from agentkit.plan.jsonform import keeps
from agentkit.plan.literal import conforms, shown
from agentkit.plan.mismatch import Mismatch
from agentkit.plan.names import NAME, is_field, is_name
from agentkit.plan.narrowing import Fact, facts_of
from agentkit.plan.problem import Code, Problem
from agentkit.plan.rules import BOOLEAN, each
from agentkit.plan.schema import fits
from agentkit.plan.scope import shown_by_guards
from agentkit.plan.typename import type_name
from agentkit.plan.types import (
    UNKNOWN,
    Type,
    as_type,
    element_of,
    kind_of,
    of,
    properties_of,
    resolved,
    rest_of,
)

if TYPE_CHECKING:
    from agentkit.tool import Tool

Names = MutableMapping[str, Type]


class Signature(NamedTuple):
    """A tool as its calls see it: its parameters by name, the type of others, where it takes any,
    those that it requires, and the type of what it gives."""

    parameters: Mapping[str, Type]
    rest: Type | None
    required: Sequence[str]
    gives: Type


def signature_of(tool: Tool) -> Signature:
    """The types in a tool's schemas."""
    accepted = resolved(as_type(tool.input_schema))
    return Signature(
        properties_of(accepted),
        rest_of(accepted),
        accepted.schema.get("required", ()),
        as_type(tool.output_schema),
    )


class NodeCheck:
    """The check of nodes, one by one, and of the answer.

    What is found about tools, and about pairs of types, holds for all of them: most nodes of a long
    plan call the same few tools.
    """

    def __init__(self, tools: Mapping[str, Tool], nodes: Mapping[str, Node]) -> None:
        self.tools, self.nodes = tools, nodes
        self.node: str | None = None
        self.problems: list[Problem] = []
        self._signatures: dict[str, Signature] = {}
        self._fitting: dict[tuple[Type, Type], Mismatch | None] = {}

    def check(self, node: Node | Answer, names: Names) -> tuple[list[Problem], Type]:
        """What is wrong with the node, and the type that it binds."""
        self.node, self.problems = None if isinstance(node, Answer) else node.id, []
        return self.problems, self._check(node, names)

    def _check(self, node: Node | Answer, names: Names) -> Type:
        if isinstance(node, Answer):
            args = node.using if node.text is None else (*node.using, node.text)
            self._all(args, names, frozenset())
            return UNKNOWN
        self._name(node.id, is_name, node.at)
        self._guard(node.when, names, node.at)
        known = shown_by_guards(node.when, self.nodes)
        match node:
            case Call():
                return self._call(node, names, known)
            case Map():
                return self._map(node, names, known)
            case Compute():
                return self._type(node.value, names, known)
            case Guard():
                self._type(node.test, names, known)
                return BOOLEAN
            case Observe():
                self._all(node.using, names, known)
                return of("null")

    def complain(
        self, code: Code, expected: str, found: str, at: Position, near: str | None = None
    ) -> None:
        self.problems.append(
            Problem(code=code, expected=expected, found=found, at=at, node=self.node, nearest=near)
        )

    def _name(self, name: str, allowed: Callable[[str], bool], at: Position) -> None:
        """Names that are no names of the language could not be read again."""
        if not allowed(name):
            self.complain("outside_language", NAME, repr(name), at)

    def _kept(self, arg: Arg) -> bool:
        """Whether what is journaled of an argument is the argument."""
        if keeps(arg):
            return True
        found = shown(arg.value) if isinstance(arg, Const) else repr(arg)
        self.complain("wrong_type", "a JSON value within bounds", found, arg.at)
        return False

    def _guard(self, when: When | None, names: Names, at: Position) -> None:
        if when is None or isinstance(self.nodes.get(when.guard), Guard):
            return
        if when.guard in names and when.guard not in self.nodes:
            return  # a refused guard has been complained about
        guards = [name for name, node in self.nodes.items() if isinstance(node, Guard)]
        near = nearest(when.guard, guards)
        self.complain("unknown_name", "the name of a guard", repr(when.guard), at, near)

    def _all(self, args: Iterable[Arg], names: Names, known: frozenset[Fact]) -> None:
        for arg in args:
            self._type(arg, names, known)

    def _type(self, arg: Arg, names: Names, known: frozenset[Fact]) -> Type:
        if not self._kept(arg):
            return UNKNOWN
        found, complaints = infer(arg, names, known)
        for complaint in complaints:
            self.complain(*complaint)
        return found

    def _call(self, call: Call, names: Names, known: frozenset[Fact]) -> Type:
        if call.tool not in self.tools or not is_name(call.tool):
            near = nearest(call.tool, self.tools)
            self.complain("unknown_tool", "a tool", repr(call.tool), call.at, near)
            self._all(call.args.values(), names, known)
            return UNKNOWN
        parameters, rest, required, gives = self._signature(call.tool)
        meant: set[str] = set()
        for name, arg in call.args.items():
            wanted = parameters.get(name, rest)
            if wanted is None:
                near = nearest(name, parameters.keys() - call.args.keys())
                meant.add(near or "")
                self._unknown_argument(call, name, arg.at, parameters, near)
                wanted = UNKNOWN
            self._argument(arg, wanted, f"{name!r} of {call.tool}", names, known)
        for name in required:
            if name not in call.args and name not in meant:
                kind = type_name(parameters.get(name, UNKNOWN))
                expected = f"argument {name!r} ({kind}) of {call.tool}"
                self.complain("missing_argument", expected, "none", call.at)
        return gives

    def _signature(self, name: str) -> Signature:
        found = self._signatures.get(name)
        if found is None:
            found = self._signatures[name] = signature_of(self.tools[name])
        return found

    def _unknown_argument(
        self, call: Call, name: str, at: Position, known: Mapping[str, Type], near: str | None
    ) -> None:
        expected = f"an argument of {call.tool} ({', '.join(known) or 'it takes none'})"
        self.complain("unknown_argument", expected, repr(name), at, near)

    def _argument(
        self, arg: Arg, wanted: Type, what: str, names: Names, known: frozenset[Fact]
    ) -> None:
        if isinstance(arg, Const):
            mismatch = conforms(arg.value, wanted) if self._kept(arg) else None
        else:
            mismatch = self._fits(self._type(arg, names, known), wanted)
        if mismatch is not None:
            self._mismatch(mismatch, what, arg.at)

    def _fits(self, found: Type, wanted: Type) -> Mismatch | None:
        pair = found, wanted
        if pair not in self._fitting:
            self._fitting[pair] = fits(found, wanted)
        return self._fitting[pair]

    def _mismatch(self, mismatch: Mismatch, what: str, at: Position) -> None:
        self.complain("wrong_type", mismatch.wanted(what), mismatch.found, at, mismatch.nearest)

    def _map(self, node: Map, names: Names, known: frozenset[Fact]) -> Type:
        over = self._type(node.over, names, known)
        element = each(over, lambda one: element_of(one) if kind_of(one) == "array" else None)
        if element is None:
            self.complain("wrong_type", "a list to map", type_name(over), node.over.at)
        elif not node.body:
            self.complain("missing_argument", "at least one call to map with", "none", node.at)
        self._name(node.var, is_field, node.at)
        local: dict[str, Type] = {node.var: element or UNKNOWN}
        inner = ChainMap(local, names)
        known = frozenset(fact for fact in known if fact[0] != node.var)
        self._own_names_in_order(node, names)
        if node.where is not None:
            self._type(node.where, inner, known)
            known |= facts_of(node.where, True)
        for call in node.body:
            self._name(call.id, is_field, call.at)
            if call.id in local:
                self.complain("bound_twice", "a new name", f"{call.id!r}, bound before", call.at)
            local[call.id] = self._call(call, inner, known)
        return of("array", items=self._type(node.value, inner, known))

    def _own_names_in_order(self, node: Map, names: Names) -> None:
        """A name that a map binds means that alone in it, and so nothing before it is bound."""
        later = {call.id for call in node.body} & names.keys()  # others are unknown anyhow
        if node.where is not None:
            self._not_of(later, node.where)
        for call in node.body:
            for arg in call.args.values():
                self._not_of(later, arg)
            later.discard(call.id)

    def _not_of(self, later: set[str], arg: Arg) -> None:
        for name in sorted(names_in(arg) & later):
            expected = "a name that the map has bound before"
            self.complain("unknown_name", expected, repr(name), arg.at)
