"""What only a person can decide about a call: whether it may be made, or whether it took effect.

>>> from agentkit.tool import tool
>>> @tool(effect="once", approve=lambda args: args["euros"] > 100)
... def pay(euros: int) -> str:
...     "Pay."
...     return "paid"
>>> asked_because(pay, {"euros": 50}, ()), asked_because(pay, {"euros": 500}, ())
(None, 'pay asks for it')
>>> asked_because(pay, {"euros": 50}, ("once",))
'calls with effect once need approval'
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, cast, get_args

from agentkit.errors import UsageError
from agentkit.nearest import nearest
from agentkit.plan.literal import conforms
from agentkit.plan.types import UNKNOWN, as_type, properties_of, resolved
from agentkit.tool import Tool
from agentkit.types import Effect, Json, Schema

Verdict = Literal["approve", "deny", "done", "not_done"]
"""`approve` and `deny` a call that was not made; `done` and `not_done` say of one that is in doubt
whether it took effect. `done` of a call that waits says that whoever was asked has made it."""

BUDGET = "run/budget"
"""Stands where a node would in the question whether a run may start what could cost too much."""

Rule: TypeAlias = str | Callable[[Tool[..., Any], Mapping[str, Json]], bool]
"""Which calls need approval: those of a tool (its name), of an effect class, or a predicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call that waits for approval, with its literal arguments. `key` is the call's own.

    `accepts` is the tool's input schema, by which other arguments are looked at before they are
    approved; None in a journal from before it was noted.
    """

    node: str
    tool: str
    effect: str
    args: Mapping[str, Json]
    key: str
    why: str
    accepts: Schema | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided about the call of this key.

    `args` are other arguments to approve, `value` is what a call that is done came to, `by` who
    decided.
    """

    node: str
    key: str
    verdict: Verdict
    args: Mapping[str, Json] | None = None
    value: Json = None
    reason: str = ""
    by: str = ""


Approver: TypeAlias = Callable[[Sequence[Question]], Awaitable[Sequence[Decision]]]
"""Asked about all calls that wait, once nothing else can go on; those it leaves out wait on."""


def approve(question: Question, *, args: Mapping[str, Json] | None = None) -> Decision:
    """Let the call be made; `args` takes the place of those arguments that it names.

    Raises `UsageError` where the tool takes no such argument: the call could only fail with it, and
    nobody would be asked again.

    >>> accepts = {"type": "object", "properties": {"euros": {"type": "integer"}}}
    >>> asked = Question(
    ...     node="n", tool="pay", effect="once", args={"euros": 500}, key="k", why="",
    ...     accepts=accepts,
    ... )
    >>> approve(asked, args={"euros": 50}).args
    {'euros': 50}
    >>> approve(asked, args={"euros": "50"})
    Traceback (most recent call last):
    agentkit.errors.UsageError: expected int for 'euros' of pay; found '50'
    """
    edited = _edited(question, args) if args else None
    return Decision(node=question.node, key=question.key, verdict="approve", args=edited)


def deny(question: Question, reason: str = "") -> Decision:
    """Do not let the call be made: its node ends `denied`, and the planner hears the reason."""
    return Decision(node=question.node, key=question.key, verdict="deny", reason=reason)


def _edited(question: Question, args: Mapping[str, Json]) -> dict[str, Json]:
    types = properties_of(resolved(as_type(question.accepts or {})))
    known = dict.fromkeys((*question.args, *types))
    if unknown := ", ".join(name for name in args if name not in known):
        takes = ", ".join(known) or "none"
        raise UsageError(f"{question.tool} takes no argument {unknown}; it takes: {takes}")
    for name, value in args.items():
        if name in question.args and question.args[name] == value:
            continue  # as it was planned
        mismatch = conforms(value, types.get(name, UNKNOWN))
        if mismatch is not None:
            wanted = mismatch.wanted(f"{name!r} of {question.tool}")
            raise UsageError(f"expected {wanted}; found {mismatch.found}")
    return {**question.args, **args}


def asked_because(
    tool: Tool[..., Any], args: Mapping[str, Json], rules: Sequence[Rule]
) -> str | None:
    """Why this call needs approval, None where it needs none. Raises what a rule raises."""
    own = tool.approve
    if own is True or (callable(own) and own(args)):
        return f"{tool.name} asks for it"
    for rule in rules:
        if not isinstance(rule, str):
            if rule(tool, args):
                return f"the rule {getattr(rule, '__name__', 'of the agent')} asks for it"
        elif rule == tool.name:
            return f"calls of {tool.name} need approval"
        elif rule == tool.effect:
            return f"calls with effect {rule} need approval"
    return None


def require_rules(rules: Sequence[Rule], given: Sequence[object], names: Iterable[str]) -> None:
    """Raises `UsageError` for a rule that names nothing, since what it was meant for would go
    unasked, and for one that is a tool itself of those `given`, since it would be called.

    >>> require_rules(["once", "pa"], [], ["look", "pay"])
    Traceback (most recent call last):
    agentkit.errors.UsageError: expected a tool or effect in approve=; got 'pa'; did you mean 'pay'?
    """
    named = [rule for rule in rules if isinstance(rule, str) and rule not in get_args(Effect)]
    for rule in rules:
        name = getattr(rule, "name", "") or getattr(rule, "__name__", "")
        if callable(rule) and (isinstance(rule, Tool) or any(rule is one for one in given)):
            raise UsageError(f"expected the name of a tool in approve=; write {name!r} for {name}")
    known = [*names, *get_args(Effect)] if named else []
    for rule in named:
        if rule not in known:
            near = nearest(rule, known)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"expected a tool or effect in approve=; got {rule!r}; {hint}")


def question_from_json(node: str, data: Mapping[str, Json]) -> Question:
    """The question in the data of a `node.asked` event."""
    return Question(node=node, **cast("Any", data))


def question_to_json(question: Question) -> dict[str, Json]:
    """The data of a `node.asked` event."""
    return _without_node(question)


def decision_from_json(node: str, data: Mapping[str, Json]) -> Decision:
    """The decision in the data of a `node.decided` event."""
    return Decision(node=node, **cast("Any", data))


def decision_to_json(decision: Decision) -> dict[str, Json]:
    """The data of a `node.decided` event.

    >>> asked = Question(node="n", tool="pay", effect="once", args={}, key="k", why="")
    >>> decision_from_json("n", decision_to_json(deny(asked, "no"))) == deny(asked, "no")
    True
    """
    return _without_node(decision)


def _without_node(one: Question | Decision) -> dict[str, Json]:
    return {each.name: getattr(one, each.name) for each in fields(one) if each.name != "node"}
