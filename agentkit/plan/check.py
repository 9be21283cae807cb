"""The check of a plan before it runs, statement by statement or as a whole.

Every problem is found at once: where it is, what was expected, what was found, and the nearest
name. A name whose own statement was refused causes no further problem where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agentkit.nearest import nearest
from agentkit.plan.cycles import in_order
from agentkit.plan.graph import Node, Patch, Plan, apply, needs
from agentkit.plan.node import NodeCheck
from agentkit.plan.problem import Problem
from agentkit.plan.scope import Scope, empty_scope
from agentkit.plan.types import UNKNOWN

if TYPE_CHECKING:
    from agentkit.tool import Tool


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a patch. Only an `accepted` one may be applied to the plan.

    A patch is not accepted either where it has problems or where it builds on a refused name; the
    latter has no problems of its own. `scope` is where the next statement is checked.
    """

    problems: tuple[Problem, ...]
    scope: Scope
    accepted: bool


def check(
    plan: Plan,
    tools: Mapping[str, Tool],
    *,
    max_nodes: int | None = None,
    max_depth: int | None = None,
) -> tuple[Problem, ...]:
    """Every problem of a whole plan; empty if it can run. The order of its nodes is free.

    >>> from agentkit.plan.graph import Call, Const
    >>> plan = Plan(nodes={"hits": Call(id="hits", tool="serch", args={"query": Const("tea")})})
    >>> [str(problem) for problem in check(plan, {})]
    ["1:1 unknown_tool: expected a tool; found 'serch'"]
    """
    return _whole(plan, tools, max_nodes, max_depth).problems


def scope_of(
    plan: Plan,
    tools: Mapping[str, Tool],
    *,
    max_nodes: int | None = None,
    max_depth: int | None = None,
) -> Scope:
    """The scope after a plan that stands; where a planner's turn begins."""
    return _whole(plan, tools, max_nodes, max_depth).scope


def check_patch(
    scope: Scope, patch: Patch, also: Callable[[Plan], Sequence[Problem]] | None = None
) -> Checked:
    """Check one patch, usually one statement, against what stands before it.

    A patch that only adds is checked alone, in time that hardly depends on the plan's size. One
    that replaces or removes has the whole plan checked that it would leave. `also` may find more
    that is wrong with that plan.
    """
    checked = (_changed if patch.replace or patch.remove else _added)(scope, patch)
    if also is None or not checked.accepted:
        return checked
    problems = also(checked.scope.plan)
    return Checked(tuple(problems), _refuse(scope, _names(patch)), False) if problems else checked


def _whole(
    plan: Plan, tools: Mapping[str, Tool], max_nodes: int | None, max_depth: int | None
) -> Checked:
    scope = empty_scope(plan, tools, max_nodes=max_nodes, max_depth=max_depth)
    return _added(scope, Patch(add=tuple(plan.nodes.values()), answer=plan.answer))


def _changed(scope: Scope, patch: Patch) -> Checked:
    gone = [name for name in patch.remove if name not in scope.plan.nodes]
    changed = [node for node in patch.replace if node.id not in scope.plan.nodes]
    problems = [_not_there(name, scope) for name in gone]
    problems += [replace(_not_there(node.id, scope), at=node.at) for node in changed]
    problems += _twice(patch.replace, Plan()) + _twice(patch.add, scope.plan)
    if problems:
        return Checked(tuple(problems), _refuse(scope, _names(patch)), False)
    checked = _whole(apply(scope.plan, patch), scope.tools, scope.max_nodes, scope.max_depth)
    if checked.problems:
        return Checked(checked.problems, _refuse(scope, _names(patch)), False)
    types = {**{name: UNKNOWN for name in scope.refused}, **checked.scope.types}
    refused = scope.refused - checked.scope.plan.nodes.keys()
    return Checked((), replace(checked.scope, types=types, refused=refused), True)


def _not_there(name: str, scope: Scope) -> Problem:
    return Problem(
        code="unknown_name",
        expected="a node of the plan to change",
        found=repr(name),
        node=name,
        nearest=nearest(name, scope.plan.nodes),
    )


def _names(patch: Patch) -> list[str]:
    return [node.id for node in patch.add]


def _refuse(scope: Scope, names: Iterable[str]) -> Scope:
    """The same scope in which these names are known to be refused."""
    new = {name for name in names if name not in scope.plan.nodes} - scope.plan.inputs.keys()
    types = {**scope.types, **{name: UNKNOWN for name in new}}
    return replace(scope, types=types, refused=scope.refused | new)


def _added(scope: Scope, patch: Patch) -> Checked:
    order, problems, looping = in_order(patch.add)
    problems += _twice(patch.add, scope.plan)
    names = _names(patch)
    types = dict(scope.types)
    for name in scope.refused.intersection(names):
        del types[name]
    types.update(dict.fromkeys(looping - types.keys(), UNKNOWN))
    nodes = {**scope.plan.nodes, **{node.id: node for node, _ in order}}
    blocked = bool(problems)
    checking = NodeCheck(scope.tools, nodes)
    for node, needed in order:
        found, type_ = checking.check(node, types)
        problems += found
        types.setdefault(node.id, UNKNOWN if found else type_)
        blocked = blocked or bool(found) or not scope.refused.isdisjoint(needed)
    if patch.answer is not None:
        problems += checking.check(patch.answer, types)[0]
        blocked = blocked or not scope.refused.isdisjoint(needs(patch.answer))
    depths, beyond = _measured(order, scope)
    problems += beyond
    if problems or blocked:
        return Checked(tuple(problems), _refuse(scope, names), False)
    plan = Plan(inputs=scope.plan.inputs, nodes=nodes, answer=patch.answer or scope.plan.answer)
    refused = scope.refused.difference(names)
    following = replace(scope, plan=plan, types=types, depths=depths, refused=refused)
    return Checked((), following, True)


def _twice(nodes: Sequence[Node], plan: Plan) -> list[Problem]:
    seen = {*plan.inputs, *plan.nodes}
    problems: list[Problem] = []
    for node in nodes:
        if node.id in seen:
            found = f"{node.id!r}, bound before"
            problems.append(
                Problem(
                    code="bound_twice", expected="a new name", found=found, at=node.at, node=node.id
                )
            )
        seen.add(node.id)
    return problems


def _measured(
    nodes: Sequence[tuple[Node, frozenset[str]]], scope: Scope
) -> tuple[dict[str, int], list[Problem]]:
    """The depth of every node, and where the plan outgrows its limits."""
    depths = dict(scope.depths)
    problems: list[Problem] = []
    for node, needed in nodes:
        depths[node.id] = 1 + max((depths.get(name, 0) for name in needed), default=0)
        for limit, value, what in (
            (scope.max_nodes, len(depths), "nodes"),
            (scope.max_depth, depths[node.id], "nodes in a row"),
        ):
            if limit is not None and value > limit:
                expected, found = f"at most {limit} {what}", f"{value}"
                problems.append(
                    Problem(code="limit", expected=expected, found=found, at=node.at, node=node.id)
                )
                return depths, problems
    return depths, problems
