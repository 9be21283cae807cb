"""Hypothesis strategies: expressions and plans of every kind of node."""

from __future__ import annotations

from hypothesis import strategies as st

from agentkit.plan.expression import expression
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
    Plan,
    Ref,
    When,
)
from agentkit.types import Json

INPUTS = ["call", "größe", "名前"]
IDS = ["if_1", "if_2", "if_7", "observe_1", "observe_2", "search_1", "x", "y", "search", "ß"]
TOOLS = ["search", "summarize", "größe_messen", "python"]
PARAMETERS = ["query", "k", "max-results", "class", "_x", "größe", "$"]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["it's", 'say "hi"', "'''", '"""', "{}", "{x}", "\n\t\r", "\\", "\0", "#", "$", "ﬁ", "\u2028"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(["text", "score", "größe"]) | texts


@st.composite
def refs(draw: st.DrawFn, names: list[str]) -> Ref:
    path = draw(st.lists(fields | st.integers(-3, 9), max_size=3))
    return Ref(draw(st.sampled_from(names)), tuple(path))


def _binary(inner: st.SearchStrategy[str], operators: str) -> st.SearchStrategy[str]:
    operator = st.sampled_from(operators.split(","))
    return st.tuples(inner, operator, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, max_size=3)
    return st.one_of(
        _binary(inner, "+,-,*,/,//,%,**,and,or,==,!=,<,<=,>,>=,in,not in"),
        inner.map(lambda a: f"(not {a})"),
        inner.map(lambda a: f"(-{a})"),
        inner.map(lambda a: f"({a} is not None)"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}:]"),
        inner.map(lambda a: f"({a}).text"),
        several.map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(texts, inner).map(lambda t: f"{{{t[0]!r}: {t[1]}}}"),
        st.tuples(inner, inner, inner).map(
            lambda t: f"[{t[0]} for a in {t[1]} for a, b in [[1, {t[2]}]] if {t[2]}]"
        ),
        st.tuples(inner, inner).map(lambda t: f"{{str({t[0]}): a for a in {t[1]}}}"),
        inner.map(lambda a: f"sum(len(c) for c in {a})"),
        st.tuples(st.sampled_from(["len", "sorted", "str", "bool", "list", "abs"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]}, default=0)"),
    )


def _formatted(name: str) -> st.SearchStrategy[str]:
    plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    literal = plain.map(lambda text: repr(text)[1:-1].replace('"', '\\"').replace("{", "{{"))
    literal = literal.map(lambda text: text.replace("}", "}}"))
    value = st.sampled_from([name, f"{name}.text", f"{name}['a b']!r", f"{name}:>{{{name}}}"])
    return st.tuples(literal, value, literal).map(lambda t: f'f"{t[0]}{{{t[1]}}}{t[2]}"')


atoms = (
    st.sampled_from(INPUTS)
    | values.map(repr)
    | st.sampled_from(INPUTS).flatmap(_formatted)
    | st.sampled_from(INPUTS).map(lambda name: f"{name}[0].text")
)
sources = st.recursive(atoms, _compound, max_leaves=6)
"""Texts of pure expressions over the inputs."""


@st.composite
def args(draw: st.DrawFn, names: list[str]) -> Arg:
    """Arguments over the inputs and these names."""
    match draw(st.integers(0, 3)):
        case 0:
            return Const(draw(values))
        case 1:
            return draw(refs([*INPUTS, *names]))
        case 2:
            return expression(draw(sources))
        case _:
            name = draw(st.sampled_from([*INPUTS, *names]))
            return expression(f"{draw(sources)} or f'{{{name}}} {{{name}.text:>9}}'")


@st.composite
def calls(draw: st.DrawFn, name: str, names: list[str], when: When | None = None) -> Call:
    given = draw(st.dictionaries(st.sampled_from(PARAMETERS), args(names), max_size=3))
    return Call(id=name, tool=draw(st.sampled_from(TOOLS)), args=given, when=when)


@st.composite
def maps(draw: st.DrawFn, name: str, names: list[str], when: When | None = None) -> Map:
    var = draw(st.sampled_from(["h", "item", "名"]))
    known = [*names, var]
    body: list[Call] = []
    for local in draw(st.permutations(["search_1", "s", "summarize_1"]))[: draw(st.integers(1, 3))]:
        body.append(draw(calls(local, known)))
        known.append(local)
    return Map(
        id=name,
        over=draw(args(names)),
        var=var,
        body=tuple(body),
        value=draw(args(known)),
        where=draw(st.none() | args([*names, var])),
        when=when,
    )


@st.composite
def nodes(draw: st.DrawFn, name: str, names: list[str], guards: list[str]) -> Node:
    """A node of any kind over earlier names, under one of the guards or none."""
    when: When | None = None
    if guards and draw(st.booleans()):
        when = When(draw(st.sampled_from(guards)), draw(st.booleans()))
    match draw(st.integers(0, 4)):
        case 0:
            return draw(calls(name, names, when))
        case 1:
            return draw(maps(name, names, when))
        case 2:
            return Compute(id=name, value=draw(args(names)), when=when)
        case 3:
            return Guard(id=name, test=draw(args(names)), when=when)
        case _:
            using = tuple(draw(st.lists(args(names), max_size=2)))
            return Observe(id=name, using=using, when=when)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Whole plans: inputs, nodes in an order that may run, an answer or none."""
    names, guards, made = list[str](), list[str](), dict[str, Node]()
    for name in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=7)):
        node = draw(nodes(name, names, guards))
        made[name] = node
        names.append(name)
        if isinstance(node, Guard):
            guards.append(name)
    answer = None
    if draw(st.booleans()):
        using = tuple(draw(st.lists(args(names), max_size=2)))
        answer = Answer(using=using, text=draw(st.none() | args(names)))
    return Plan(inputs={name: {"title": "Audio"} for name in INPUTS}, nodes=made, answer=answer)
