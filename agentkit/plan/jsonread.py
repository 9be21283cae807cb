"""Reads the JSON form of plans; every problem names its place as a JSON pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agentkit.errors import InvalidPlan
from agentkit.nearest import nearest
from agentkit.plan.expression import arg_source, expression
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
    When,
)
from agentkit.plan.names import NAME, is_field, is_name
from agentkit.plan.problem import Code, Problem
from agentkit.plan.purity import is_literal
from agentkit.plan.syntax import MAX_DEPTH
from agentkit.types import Json, Schema

_NONE = Const(None)
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tool": (("id", "tool"), ("args", "when")),
    "over": (("id", "over", "var", "body", "value"), ("where", "when")),
    "compute": (("id", "compute"), ("when",)),
    "guard": (("id", "guard"), ("when",)),
    "observe": (("id", "observe"), ("when",)),
}
"""What a node of each kind has, and what it may have, by the field that tells the kind."""


class Reader:
    """Collects all the problems of one form; `finish` raises them."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def finish(self) -> None:
        """Raises `InvalidPlan` if anything was wrong."""
        if self._problems:
            raise InvalidPlan(self._problems)

    def fields(
        self, value: Json, at: str, *required: str, optional: tuple[str, ...] = ()
    ) -> dict[str, Json]:
        """An object with these fields and no others; what is wrong is left out."""
        if not isinstance(value, dict):
            self._wrong("wrong_type", "an object", _shown(value), at)
            return {}
        known = required + optional
        for name in value:
            if name not in known:
                self._wrong("unknown_field", f"one of {', '.join(known)}", repr(name), at, known)
        for name in required:
            if name not in value:
                self._wrong("missing_argument", f"the field {name!r}", "none", at)
        return {name: value[name] for name in known if name in value}

    def nodes(self, value: Json, at: str) -> list[Node]:
        """A list of nodes."""
        read = [self._node(item, f"{at}/{number}") for number, item in self._items(value, at)]
        return [node for node in read if node is not None]

    def texts(self, value: Json, at: str) -> list[str]:
        """A list of texts."""
        return [self._text(item, f"{at}/{number}") for number, item in self._items(value, at)]

    def inputs(self, value: Json, at: str) -> dict[str, Schema]:
        """Schemas by the names of inputs."""
        if not isinstance(value, dict):
            self._wrong("wrong_type", "an object of schemas", _shown(value), at)
            return {}
        inputs: dict[str, Schema] = {}
        for name, schema in value.items():
            self._name(name, f"{at}/{_escaped(name)}", is_name)
            if isinstance(schema, dict):
                inputs[name] = schema
            else:
                self._wrong("wrong_type", "a schema", _shown(schema), f"{at}/{_escaped(name)}")
        return inputs

    def answer(self, value: Json, at: str) -> Answer | None:
        """An answer, or none."""
        if value is None:
            return None
        fields = self.fields(value, at, optional=("using", "text"))
        text = self._arg(fields["text"], f"{at}/text") if "text" in fields else None
        return Answer(using=self._args(fields.get("using", []), f"{at}/using"), text=text)

    def once(self, names: Iterable[str]) -> None:
        """Each name may be bound once."""
        seen: set[str] = set()
        for name in names:
            if name in seen:
                self._wrong("bound_twice", "a new name", repr(name), "/nodes")
            seen.add(name)

    def _node(self, value: Json, at: str) -> Node | None:
        given = value if isinstance(value, dict) else {}
        kind = next((name for name in _KINDS if name in given), None)
        if kind is None:
            self._wrong("wrong_type", f"a node with one of {', '.join(_KINDS)}", _shown(value), at)
            return None
        required, optional = _KINDS[kind]
        fields = self.fields(value, at, *required, optional=optional)
        if not fields.keys() >= set(required):
            return None
        name = self._name(fields["id"], f"{at}/id", is_name)
        when = self._when(fields.get("when"), f"{at}/when")
        match kind:
            case "tool":
                return self._call(name, fields, at, when)
            case "over":
                return self._map(name, fields, at, when)
            case "compute":
                value = fields["compute"]
                return Compute(id=name, value=self._arg(value, f"{at}/compute"), when=when)
            case "guard":
                return Guard(id=name, test=self._arg(fields["guard"], f"{at}/guard"), when=when)
            case _:
                using = self._args(fields["observe"], f"{at}/observe")
                return Observe(id=name, using=using, when=when)

    def _call(self, name: str, fields: Mapping[str, Json], at: str, when: When | None) -> Call:
        tool = self._name(fields["tool"], f"{at}/tool", is_name)
        given = fields.get("args", {})
        args: dict[str, Arg] = {}
        if isinstance(given, dict):
            for key, value in given.items():
                args[key] = self._arg(value, f"{at}/args/{_escaped(key)}")
        else:
            self._wrong("wrong_type", "an object of arguments", _shown(given), f"{at}/args")
        return Call(id=name, tool=tool, args=args, when=when)

    def _map(self, name: str, fields: Mapping[str, Json], at: str, when: When | None) -> Map:
        body = [self._body(item, f"{at}/body/{n}") for n, item in self._items(fields["body"], at)]
        if not body:
            self._wrong("wrong_type", "at least one call", "none", f"{at}/body")
        var = self._name(fields["var"], f"{at}/var", is_field)
        self._once_in_map([var, *(call.id for call in body)], at)
        where = self._arg(fields["where"], f"{at}/where") if "where" in fields else None
        return Map(
            id=name,
            over=self._arg(fields["over"], f"{at}/over"),
            var=var,
            body=tuple(body),
            value=self._arg(fields["value"], f"{at}/value"),
            where=where,
            when=when,
        )

    def _body(self, value: Json, at: str) -> Call:
        fields = self.fields(value, at, "id", "tool", optional=("args",))
        named = {"tool": "", **fields}
        return self._call(self._name(fields.get("id"), f"{at}/id", is_field), named, at, None)

    def _once_in_map(self, names: list[str], at: str) -> None:
        if len(set(names)) < len(names):
            self._wrong("bound_twice", "a name for each call", ", ".join(names), f"{at}/body")

    def _when(self, value: Json, at: str) -> When | None:
        if value is None:
            return None
        fields = self.fields(value, at, "guard", optional=("holds",))
        holds = fields.get("holds", True)
        if not isinstance(holds, bool):
            self._wrong("wrong_type", "true or false", _shown(holds), f"{at}/holds")
        return When(self._name(fields.get("guard"), f"{at}/guard", is_name), bool(holds))

    def _args(self, value: Json, at: str) -> tuple[Arg, ...]:
        return tuple(self._arg(item, f"{at}/{n}") for n, item in self._items(value, at))

    def _arg(self, value: Json, at: str) -> Arg:
        inner = value.get("$") if isinstance(value, dict) and len(value) == 1 else None
        try:
            if isinstance(inner, str) and is_literal(inner):  # most are: no need to walk the value
                return expression(inner)
            if not self._plain(value, at, 0):
                return _NONE
            source = _source(value)
            return Const(value) if source is None else expression(source)
        except InvalidPlan as error:
            for problem in error.problems:
                self._wrong(problem.code, problem.expected, problem.found, at)
            return _NONE

    def _plain(self, value: Json, at: str, depth: int) -> bool:
        """Whether a value is JSON within the bounds, its `{"$": …}` well formed."""
        if depth >= MAX_DEPTH:
            self._wrong("limit", f"at most {MAX_DEPTH} levels", "more", at)
            return False
        if isinstance(value, list):
            return all(self._plain(item, f"{at}/{n}", depth + 1) for n, item in enumerate(value))
        if not isinstance(value, dict):
            if is_literal(value):
                return True
            self._wrong("wrong_type", "a JSON value within bounds", _shown(value), at)
            return False
        if "$" in value and (len(value) > 1 or not isinstance(value["$"], str)):
            self._wrong("syntax", 'a reference as {"$": "<expression>"}', _shown(value), at)
            return False
        return all(
            self._plain(item, f"{at}/{_escaped(key)}", depth + 1) and is_literal(key)
            for key, item in value.items()
        )

    def _items(self, value: Json, at: str) -> list[tuple[int, Json]]:
        if isinstance(value, list):
            return list(enumerate(value))
        self._wrong("wrong_type", "a list", _shown(value), at)
        return []

    def _text(self, value: Json, at: str) -> str:
        if isinstance(value, str):
            return value
        self._wrong("wrong_type", "a text", _shown(value), at)
        return ""

    def _name(self, value: Json, at: str, allowed: Callable[[str], bool]) -> str:
        if isinstance(value, str) and allowed(value):
            return value
        self._wrong("outside_language", NAME, _shown(value), at)
        return ""

    def _wrong(
        self, code: Code, expected: str, found: str, at: str, known: tuple[str, ...] = ()
    ) -> None:
        meant = nearest(found.strip("'"), known)
        found = f"{found} at {at or 'the top'}"
        self._problems.append(Problem(code=code, expected=expected, found=found, nearest=meant))


def _source(value: Json) -> str | None:
    """The expression that a value with `{"$": …}` in it stands for; None for a constant."""
    if isinstance(value, dict):
        inner = value.get("$")
        if isinstance(inner, str):
            return arg_source(expression(inner))
        parts = {key: _source(item) for key, item in value.items()}
        if any(part is not None for part in parts.values()):
            pairs = (f"{key!r}: {part or repr(value[key])}" for key, part in parts.items())
            return f"{{{', '.join(pairs)}}}"
    elif isinstance(value, list):
        texts = [_source(item) for item in value]
        if any(text is not None for text in texts):
            both = zip(texts, value, strict=True)
            return f"[{', '.join(text or repr(item) for text, item in both)}]"
    return None


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
