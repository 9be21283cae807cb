"""The ready calls, and which of them starts next. Pure: the clock is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from heapq import heappop, heappush

from agentkit.budget import NOTHING, Dimension
from agentkit.engine.item import Item
from agentkit.engine.lane import Lane
from agentkit.engine.priority import lengthen
from agentkit.engine.purse import LEAST


class Queue:
    """`take` gives the call that starts next; `release` gives its places back."""

    def __init__(self, lanes: Iterable[Lane], clock: Callable[[], float]) -> None:
        self._lanes = tuple(dict.fromkeys(lanes))
        self._clock = clock
        self._fresh: deque[Item] = deque()
        self._added: list[Item] = []
        self._sorted = False
        self.wake_at: float | None = None
        """When to ask again, where only a rate keeps a call from starting."""

    def note(self, item: Item) -> None:
        """An item was added to the run: tails will have to follow."""
        self._added.append(item)

    def put(self, item: Item) -> None:
        """A call became ready."""
        item.state = "ready"
        self._fresh.append(item)

    def take(self) -> Item | None:
        """The next call to start, in state running and with its places taken; None if none may."""
        fresh = self._fresh
        while fresh and fresh[0].state != "ready":
            fresh.popleft()
        if self._sorted:
            return self._choose()
        if not fresh:
            return None
        lane = _lane(fresh[0])
        if lane.rate is None and not lane.shared and lane.has_room(len(fresh)):
            # Room for all of them: no need to know which is the most urgent.
            return self._start(fresh.popleft(), lane)
        return self._choose()

    @property
    def empty(self) -> bool:
        """Whether no call is ready."""
        waiting = any(item.state == "ready" for item in self._fresh)
        return not waiting and not any(lane.heap for lane in self._lanes)

    def short(self) -> tuple[Item, Dimension, Decimal] | None:
        """A ready call, the dimension of the budget that keeps it from starting and what it may
        take of that; None unless every ready call waits for the budget alone."""
        found: tuple[Item, Dimension, Decimal] | None = None
        for lane in self._lanes:
            if lane.top() is None:
                continue
            dimension = lane.short_of()
            if dimension is None:
                return None
            most = lane.bound.get(dimension, LEAST.get(dimension, NOTHING))
            found = found or (lane.heap[0][2], dimension, most)
        return found

    def release(self, item: Item) -> None:
        """A call is over: its places are free, and what it cost is settled."""
        lane = _lane(item)
        for gate, units in lane.gates:
            gate.free += units
        if lane.shared:
            lane.leave()
        if lane.purse is not None:
            lane.purse.gave_back(item.id, item.cost)

    def forget(self) -> None:
        """Nothing more will start."""
        self._fresh.clear()
        self._added.clear()
        for lane in self._lanes:
            lane.heap.clear()
        self._sorted = False
        self.wake_at = None

    def _choose(self) -> Item | None:
        self._sort()
        best: tuple[tuple[float, int], Lane] | None = None
        self.wake_at = None
        for lane in self._lanes:
            if not lane.heap or not lane.has_room():
                continue
            rank = lane.top()
            if rank is None or (best is not None and best[0] < rank):
                continue
            if lane.rate is not None and (at := lane.rate.next_at()) > self._clock():
                self.wake_at = at if self.wake_at is None else min(at, self.wake_at)
                continue
            if lane.running and self._outranked(lane, rank):
                continue  # else a call that needs what these hold might wait until all are made
            best = rank, lane
        if best is None:
            self._sorted = any(lane.heap for lane in self._lanes)
            return None
        lane = best[1]
        _, _, item = heappop(lane.heap)
        if lane.rate is not None:
            lane.rate.reserve(self._clock())
        return self._start(item, lane)

    def _outranked(self, lane: Lane, rank: tuple[float, int]) -> bool:
        """Whether a call that should come sooner waits for what the calls of this lane hold."""
        for other in self._lanes:
            if other is not lane and other.heap and (top := other.top()) is not None:
                if top < rank and lane.keeps_waiting(other):
                    return True
        return False

    def _sort(self) -> None:
        """Bring the tails up to date, and every ready call into its lane."""
        self._sorted = True
        if not self._added and not self._fresh:
            return
        ready = dict.fromkeys(lengthen(self._added))
        self._added.clear()
        ready.update(dict.fromkeys(self._fresh))
        self._fresh.clear()
        for item in ready:
            heappush(_lane(item).heap, (-item.tail, item.order, item))

    def _start(self, item: Item, lane: Lane) -> Item:
        for gate, units in lane.gates:
            gate.free -= units
        if lane.shared:
            lane.join()
        if lane.purse is not None:
            lane.purse.took(item.id, lane.bound)
        item.state = "running"
        return item


def _lane(item: Item) -> Lane:
    assert item.lane is not None, f"{item.id} is no call"
    return item.lane
