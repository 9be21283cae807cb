"""Longest remaining path: what the rest of the run waits for most goes first.

Tails are brought up to date only when there is a choice to make, and then in one pass over what
was added since, from the latest item to the earliest: an edge is looked at once, and ancestors
that have started are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from agentkit.engine.item import Item


def lengthen(added: Iterable[Item]) -> list[Item]:
    """Set the tails of new items and lengthen those of their unstarted ancestors.

    Returns the items that are ready already and whose tail grew.
    """
    todo = [(-item.order, item.order, item) for item in added]
    heapify(todo)
    queued = {item.order for _, _, item in todo}
    grown: list[Item] = []
    while todo:
        _, order, item = heappop(todo)
        queued.discard(order)
        if item.tail < item.estimate:
            item.tail = item.estimate
        for need in item.needs:
            tail = need.estimate + item.tail
            if need.tail >= tail or need.state in ("running", "ended"):
                continue
            need.tail = tail
            if need.state == "ready":
                grown.append(need)
            if need.order not in queued:
                queued.add(need.order)
                heappush(todo, (-need.order, need.order, need))
    return grown
