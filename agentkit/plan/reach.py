"""What a patch leaves that nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentkit.plan.graph import Node, Patch, Plan, apply, needs


def cut_off(plan: Plan, patch: Patch) -> frozenset[str]:
    """The nodes that nothing needs any more since the patch: what it removed or replaced needed
    them, or the answer before it.

    What nothing needed before stays, and what that needs: it is there for its own sake. A patch
    that only adds cuts nothing off.

    >>> from agentkit.plan.graph import Answer, Call, Ref
    >>> a, b = (Call(id=name, tool="look", args={}) for name in "ab")
    >>> c = Call(id="c", tool="sum", args={"of": Ref("a")})
    >>> plan = Plan(nodes={"a": a, "b": b, "c": c}, answer=Answer(using=(Ref("c"),)))
    >>> sorted(cut_off(plan, Patch(replace=(Call(id="c", tool="sum", args={}),))))
    ['a']
    """
    if not (patch.remove or patch.replace):
        return frozenset()
    after = apply(plan, patch)
    put = {node.id for node in (*patch.replace, *patch.add)}
    before = [plan.nodes[name] for name in (*patch.remove, *put) if name in plan.nodes]
    needed = {name for node in before for name in needs(node)}
    needed |= set() if plan.answer is None else needs(plan.answer)
    candidates = (below(plan.nodes, needed) & after.nodes.keys()) - put
    kept = [node for node in after.nodes.values() if node.id not in candidates]
    wanted = {name for node in kept for name in needs(node)}
    wanted |= set() if after.answer is None else needs(after.answer)
    return frozenset(candidates - below(after.nodes, wanted))


def below(nodes: Mapping[str, Node], names: Iterable[str]) -> set[str]:
    """These nodes, where there are such, and all that they need."""
    found: set[str] = set()
    todo = [name for name in names if name in nodes]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [each for each in needs(nodes[name]) if each in nodes]
    return found
