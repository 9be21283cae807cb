"""The type of an argument in a scope of types, and what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agentkit.nearest import nearest
from agentkit.plan import rules
from agentkit.plan.builtins import FUNCTIONS
from agentkit.plan.graph import Arg, Const, Position, Ref
from agentkit.plan.mismatch import Mismatch
from agentkit.plan.narrowing import Fact, facts, reference_of, step_of
from agentkit.plan.problem import Code
from agentkit.plan.schema import field_type
from agentkit.plan.typename import type_name
from agentkit.plan.types import UNKNOWN, Path, Type, of, union


class Complaint(NamedTuple):
    """What is wrong with a piece of an argument; the check makes a problem of it."""

    code: Code
    expected: str
    found: str
    at: Position
    nearest: str | None = None


def infer(
    arg: Arg, names: Mapping[str, Type], known: frozenset[Fact] = frozenset()
) -> tuple[Type, list[Complaint]]:
    """The type of an argument where `names` have these types, and every complaint about it.

    `known` are references that cannot be null here, because a guard has seen to that. What is
    wrong has an unknown type, so that one mistake is one complaint.

    >>> from agentkit.plan.graph import Ref
    >>> infer(Ref("hits", (0, "txt")), {"hits": of("array", items=of("string"))})[1][0].expected
    "a value with field 'txt'"
    """
    inference = _Inference(names, known)
    if isinstance(arg, Const):
        return rules.type_of_value(arg.value), []
    if isinstance(arg, Ref):
        return inference.reference(arg.name, arg.path, arg.at), inference.complaints
    return inference.type_of(arg.tree), inference.complaints


class _Inference:
    """One walk of an expression; complaints collect on the way."""

    def __init__(self, names: Mapping[str, Type], known: frozenset[Fact]) -> None:
        self.names = names
        self.local: dict[str, Type] = {}
        self.known = known
        self.complaints: list[Complaint] = []

    def complain(
        self, node: ast.expr | Position, expected: str, found: str, code: Code = "wrong_type"
    ) -> Type:
        at = node if isinstance(node, Position) else _position(node)
        self.complaints.append(Complaint(code, expected, found, at))
        return UNKNOWN

    def no_field(self, found: Mismatch, at: Position) -> Type:
        code: Code = "unknown_field"
        self.complaints.append(Complaint(code, found.expected, found.found, at, found.nearest))
        return UNKNOWN

    def reference(self, name: str, path: Path, at: Position) -> Type:
        """A named value or something inside it."""
        found = self.local.get(name) or self.names.get(name)
        if found is None:
            near = nearest(name, (*self.local, *self.names))
            self.complaints.append(Complaint("unknown_name", "a known name", repr(name), at, near))
            return UNKNOWN
        if (name, ()) in self.known:
            found = rules.truthy(found)
        for index in range(len(path)):
            stepped = field_type(found, path[index : index + 1])
            if isinstance(stepped, Mismatch):
                return self.no_field(stepped, at)
            found = rules.truthy(stepped) if (name, path[: index + 1]) in self.known else stepped
        return found

    def type_of(self, tree: ast.expr) -> Type:
        """The type of any pure expression; what the language does not cover is unknown."""
        rule: Callable[[Any, Any], Type] | None = _RULES.get(type(tree))
        return UNKNOWN if rule is None else rule(self, tree)

    def where(self, test: ast.expr, holds: bool, tree: ast.expr) -> Type:
        """The type of a tree that is evaluated only where the test came out so."""
        before, self.known = self.known, self.known | facts(test, holds)
        found = self.type_of(tree)
        self.known = before
        return found

    def constant(self, tree: ast.Constant) -> Type:
        value: Any = tree.value
        return rules.type_of_value(value)

    def name(self, tree: ast.Name) -> Type:
        return self.reference(tree.id, (), _position(tree))

    def field(self, tree: ast.Attribute | ast.Subscript) -> Type:
        """A step into a value: along a reference as far as it goes, else into what is there."""
        chain = reference_of(tree)
        if chain is not None:
            return self.reference(*chain, _position(tree))
        if isinstance(tree, ast.Subscript) and isinstance(tree.slice, ast.Slice):
            for end in (tree.slice.lower, tree.slice.upper, tree.slice.step):
                if end is not None:
                    self.type_of(end)
            cut = self.type_of(tree.value)
            return rules.cut(cut) or self.complain(tree, "a list or a text to cut", type_name(cut))
        container = self.type_of(tree.value)
        step = step_of(tree)
        if step is not None:
            found = field_type(container, (step,))
            if not isinstance(found, Mismatch):
                return found
            return self.no_field(found, _position(tree))
        assert isinstance(tree, ast.Subscript)
        key = self.type_of(tree.slice)
        shown = f"{type_name(container)}[{type_name(key)}]"
        return rules.looked_up(container, key) or self.complain(tree, "a list and an index", shown)

    def listed(self, tree: ast.List | ast.Tuple) -> Type:
        return rules.tuple_of([self.type_of(part) for part in tree.elts])

    def mapping(self, tree: ast.Dict) -> Type:
        values = [self.type_of(value) for value in tree.values]
        keys = [key.value for key in tree.keys if isinstance(key, ast.Constant)]
        if len(keys) == len(tree.keys):
            pairs = zip(map(str, keys), values, strict=True)
            return rules.object_of(dict(pairs))
        for key in tree.keys:
            if key is not None:
                self.type_of(key)
        return of("object", additionalProperties=union(values))

    def binary(self, tree: ast.BinOp) -> Type:
        left, right = self.type_of(tree.left), self.type_of(tree.right)
        symbol = rules.SYMBOLS[type(tree.op)]
        return rules.binary(tree.op, left, right) or self.complain(
            tree, f"operands that {symbol!r} takes", _pair(left, symbol, right)
        )

    def unary(self, tree: ast.UnaryOp) -> Type:
        operand = self.type_of(tree.operand)
        if isinstance(tree.op, ast.Not):
            return rules.BOOLEAN
        return rules.unary(operand) or self.complain(tree, "a number", type_name(operand))

    def boolean(self, tree: ast.BoolOp) -> Type:
        """`a or b`: the first that decides, else the last; each sees what those before showed."""
        goes_on = isinstance(tree.op, ast.And)
        decides = rules.falsy if goes_on else rules.truthy
        found: list[Type] = []
        before = self.known
        for part in tree.values:
            found.append(self.type_of(part))
            self.known = self.known | facts(part, goes_on)
        self.known = before
        return union([*(decides(one) for one in found[:-1]), found[-1]])

    def comparison(self, tree: ast.Compare) -> Type:
        left = self.type_of(tree.left)
        for operator, part in zip(tree.ops, tree.comparators, strict=True):
            right = self.type_of(part)
            if rules.comparison(operator, left, right) is None:
                symbol = rules.SYMBOLS[type(operator)]
                shown = _pair(left, symbol, right)
                self.complain(tree, f"operands that {symbol!r} takes", shown)
            left = right
        return rules.BOOLEAN

    def conditional(self, tree: ast.IfExp) -> Type:
        self.type_of(tree.test)
        then = self.where(tree.test, True, tree.body)
        return union((then, self.where(tree.test, False, tree.orelse)))

    def text(self, tree: ast.JoinedStr) -> Type:
        for part in tree.values:
            if isinstance(part, ast.FormattedValue):
                self._formatted(part)
        return rules.STRING

    def _formatted(self, part: ast.FormattedValue) -> None:
        found, pieces = self.type_of(part.value), list[ast.expr]()
        if isinstance(part.format_spec, ast.JoinedStr):
            self.type_of(part.format_spec)
            pieces = part.format_spec.values
        texts = [str(piece.value) for piece in pieces if isinstance(piece, ast.Constant)]
        converted = part.conversion != -1  # `!r` makes a text of anything
        spec = "".join(texts)
        if len(texts) == len(pieces) and not rules.formats(
            rules.STRING if converted else found, spec
        ):
            self.complain(part.value, f"a value that {spec!r} can format", type_name(found))

    def call(self, tree: ast.Call) -> Type:
        args = [self.type_of(arg) for arg in tree.args]
        named = {word.arg: self.type_of(word.value) for word in tree.keywords if word.arg}
        name = tree.func.id if isinstance(tree.func, ast.Name) else ""
        function = FUNCTIONS.get(name)
        if function is None:
            return UNKNOWN
        too_many = function.most is not None and len(args) > function.most
        if len(args) < function.least or too_many:
            return self.complain(
                tree, f"{name} of {function.takes}", f"{len(args)} arguments", "missing_argument"
            )
        found = function.result(args, named)
        shown = ", ".join(type_name(arg) for arg in args)
        return found or self.complain(tree, f"{function.takes} for {name}", shown)

    def comprehension(self, tree: ast.ListComp | ast.GeneratorExp) -> Type:
        return of("array", items=self._each(tree.generators, [tree.elt])[0])

    def dict_comprehension(self, tree: ast.DictComp) -> Type:
        _, value = self._each(tree.generators, [tree.key, tree.value])
        return of("object", additionalProperties=value)

    def _each(self, clauses: Sequence[ast.comprehension], made: list[ast.expr]) -> list[Type]:
        """The types of what is made for every combination of the clauses' elements."""
        local, known = self.local, self.known
        for clause in clauses:
            source = self.type_of(clause.iter)
            element = rules.elements(source) or self.complain(
                clause.iter, "a list to go through", type_name(source)
            )
            self.local = dict(self.local)
            self._bind(clause.target, element)
            for test in clause.ifs:
                self.type_of(test)
                self.known = self.known | facts(test, True)
        found = [self.type_of(tree) for tree in made]
        self.local, self.known = local, known
        return found

    def _bind(self, target: ast.expr, element: Type) -> None:
        if isinstance(target, ast.Name):
            self.local[target.id] = element
            self.known = frozenset(fact for fact in self.known if fact[0] != target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            for index, part in enumerate(target.elts):
                inside = field_type(element, (index,))
                if isinstance(inside, Mismatch):
                    expected = f"a list of {len(target.elts)} to unpack"
                    inside = self.complain(part, expected, type_name(element))
                self._bind(part, inside)


def _pair(left: Type, symbol: str, right: Type) -> str:
    return f"{type_name(left)} {symbol} {type_name(right)}"


def _position(tree: ast.expr) -> Position:
    return Position(tree.lineno, tree.col_offset + 1)


_RULES: dict[type[ast.expr], Callable[[_Inference, Any], Type]] = {
    ast.Constant: _Inference.constant,
    ast.Name: _Inference.name,
    ast.Attribute: _Inference.field,
    ast.Subscript: _Inference.field,
    ast.List: _Inference.listed,
    ast.Tuple: _Inference.listed,
    ast.Dict: _Inference.mapping,
    ast.BinOp: _Inference.binary,
    ast.UnaryOp: _Inference.unary,
    ast.BoolOp: _Inference.boolean,
    ast.Compare: _Inference.comparison,
    ast.IfExp: _Inference.conditional,
    ast.JoinedStr: _Inference.text,
    ast.Call: _Inference.call,
    ast.ListComp: _Inference.comprehension,
    ast.GeneratorExp: _Inference.comprehension,
    ast.DictComp: _Inference.dict_comprehension,
}
