"""What a patch leaves without a way to the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentkit.plan.graph import Node, Patch, Plan, apply, needs


def cut_off(plan: Plan, patch: Patch) -> frozenset[str]:
    """The nodes that the answer needed before the patch and that nothing needs after it.

    What the answer never needed stays, and what that needs: it is there for its own sake. A patch
    that only adds cuts nothing off.

    >>> from agentkit.plan.graph import Answer, Call, Ref
    >>> a, b = (Call(id=name, tool="look", args={}) for name in "ab")
    >>> c = Call(id="c", tool="sum", args={"of": Ref("a")})
    >>> plan = Plan(nodes={"a": a, "b": b, "c": c}, answer=Answer(using=(Ref("c"),)))
    >>> sorted(cut_off(plan, Patch(replace=(Call(id="c", tool="sum", args={}),))))
    ['a']
    """
    if not (patch.remove or patch.replace) or plan.answer is None:
        return frozenset()
    after = apply(plan, patch)
    needed = _below(plan.nodes, needs(plan.answer))
    if after.answer is not None:
        needed -= _below(after.nodes, needs(after.answer))
    candidates = needed & after.nodes.keys()
    others = (needs(node) for node in after.nodes.values() if node.id not in candidates)
    wanted = {name for names in others for name in names}
    return frozenset(candidates - _below(after.nodes, wanted))


def _below(nodes: Mapping[str, Node], names: Iterable[str]) -> set[str]:
    """These nodes and all that they need."""
    found: set[str] = set()
    todo = [name for name in names if name in nodes]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [each for each in needs(nodes[name]) if each in nodes]
    return found
