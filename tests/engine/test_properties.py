"""Which node is next, without an event loop: random graphs, failures, limits and cancellations."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from agentkit.engine.dataflow import Dataflow
from agentkit.engine.item import Item
from agentkit.engine.lane import lanes
from agentkit.engine.limits import Limits
from agentkit.engine.queue import Queue
from agentkit.outcome import Failure, Outcome
from agentkit.plan.graph import Call, Compute, Const
from agentkit.tool import Tool, tool
from agentkit.types import Json


@tool(effect="pure")
async def free(number: int) -> int:
    """Bounded by nothing of its own."""
    return number


@tool(effect="pure", concurrency=2, resources={"gpu": 1})
async def bound(number: int) -> int:
    """Two at a time, and they share a resource."""
    return number


@tool(effect="pure", resources={"gpu": 2})
async def greedy(number: int) -> int:
    """Needs the whole resource."""
    return number


TOOLS: dict[str, Tool] = {each.name: each for each in (free, bound, greedy)}
LIMITS = {"parallel": 5, "gpu": 2, "bound": 2}


@dataclass(frozen=True, slots=True)
class Spec:
    """A node of a random graph; `needs` are the numbers of earlier ones."""

    tool: str | None
    seconds: float
    needs: frozenset[int]
    ends: bool


@st.composite
def graphs(draw: st.DrawFn) -> list[Spec]:
    count = draw(st.integers(1, 24))
    return [
        Spec(
            draw(st.sampled_from(["free", "bound", "greedy", None])),
            draw(st.sampled_from([0.0, 1.0, 2.0, 7.0])),
            draw(st.frozensets(st.integers(0, number - 1), max_size=4)) if number else frozenset(),
            draw(st.booleans()),
        )
        for number in range(count)
    ]


class Run:
    """Plays a graph: the nodes are added bit by bit, running ones end in any order."""

    def __init__(self, specs: list[Spec]) -> None:
        self.specs = specs
        self.flow = Dataflow()
        by_name = lanes(TOOLS, Limits(parallel=5, resources={"gpu": 2}))
        self.lanes = by_name
        self.queue = Queue(by_name.values(), lambda: 0.0)
        self.items: list[Item] = []
        self.running: list[Item] = []
        self.started: list[str] = []
        self.ended: list[str] = []

    def add(self) -> None:
        number = len(self.items)
        spec = self.specs[number]
        name = f"n{number}"
        if spec.tool is None:
            item = Item(name, Compute(id=name, value=Const(1)), number, {}, name)
        else:
            node = Call(id=name, tool=spec.tool, args={})
            item = Item(name, node, number, {}, name, spec.seconds, self.lanes[spec.tool])
        self.items.append(item)
        if self.flow.add(item, [self.items[each] for each in sorted(spec.needs)]):
            self.ended.append(name)
        self.queue.note(item)
        self.pump()

    def pump(self) -> None:
        while True:
            while self.flow.ready:
                item = self.flow.ready.popleft()
                if item.lane is None:
                    self.started.append(item.id)
                    self.end(item)
                else:
                    self.queue.put(item)
            item = self.queue.take()
            if item is None:
                return
            assert item.outcome is None
            self.started.append(item.id)
            self.running.append(item)
            self.check()

    def end(self, item: Item) -> None:
        assert all(need.outcome is not None and need.outcome.ok for need in item.needs)
        failed = Outcome("failed", failure=Failure("ToolError", "no"))
        outcome = Outcome("value", 1) if self.specs[item.order].ends else failed
        self.ended.append(item.id)
        self.ended += [each.id for each in self.flow.end(item, outcome)]

    def finish(self, index: int) -> None:
        item = self.running.pop(index % len(self.running))
        self.queue.release(item)
        self.end(item)
        self.pump()

    def check(self) -> None:
        tools = [item.node.tool for item in self.running if isinstance(item.node, Call)]
        assert len(tools) <= LIMITS["parallel"]
        assert tools.count("bound") <= LIMITS["bound"]
        assert tools.count("bound") + 2 * tools.count("greedy") <= LIMITS["gpu"]


@given(graphs(), st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=60))
def test_every_node_ends_once_and_only_dependants_of_failures_are_skipped(
    specs: list[Spec], moves: list[int | None]
) -> None:
    run = Run(specs)
    for move in moves:
        if move is None and len(run.items) < len(specs):
            run.add()
        elif move is not None and run.running:
            run.finish(move)
    while len(run.items) < len(specs):
        run.add()
    while run.running:
        run.finish(0)

    assert sorted(run.ended) == sorted(item.id for item in run.items)
    assert run.flow.open == 0
    assert len(set(run.started)) == len(run.started)
    for item in run.items:
        assert item.outcome is not None
        poisoned = any(not (need.outcome and need.outcome.ok) for need in item.needs)
        assert (item.outcome.status == "skipped") is poisoned
        assert (item.id in run.started) is not poisoned
        if poisoned:
            blamed = item.outcome.failure and item.outcome.failure.cause
            root = run.items[int((blamed or "n-1")[1:])].outcome
            assert root is not None and root.status == "failed"


@given(graphs())
def test_of_the_ready_calls_the_one_with_the_longest_remaining_path_starts(
    specs: list[Spec],
) -> None:
    """Where only one call may run, each start has the longest tail of all that are ready."""
    flow = Dataflow()
    by_name = lanes({"free": free}, Limits(parallel=1))
    queue = Queue(by_name.values(), lambda: 0.0)
    items: list[Item] = []
    for number, spec in enumerate(specs):
        node = Call(id=f"n{number}", tool="free", args={})
        item = Item(node.id, node, number, {}, node.id, spec.seconds, by_name["free"])
        items.append(item)
        flow.add(item, [items[each] for each in sorted(spec.needs)])
        queue.note(item)
    tails = [spec.seconds for spec in specs]
    for number in reversed(range(len(specs))):
        for need in specs[number].needs:
            tails[need] = max(tails[need], specs[need].seconds + tails[number])

    blocker = Item("b", Call(id="b", tool="free", args={}), -1, {}, "b", 0.0, by_name["free"])
    queue.put(blocker)
    assert queue.take() is blocker
    running, ready = blocker, set[int]()
    while True:
        while flow.ready:
            queue.put(item := flow.ready.popleft())
            ready.add(item.order)
        assert queue.take() is None
        queue.release(running)
        taken = queue.take()
        if taken is None:
            break
        assert tails[taken.order] == max(tails[number] for number in ready)
        ready.discard(taken.order)
        flow.end(taken, Outcome("value", None))
        running = taken
    assert all(item.outcome is not None for item in items)


@given(graphs(), st.integers(0, 23))
def test_nothing_starts_after_the_queue_forgot(specs: list[Spec], when: int) -> None:
    run = Run(specs)
    for _ in range(min(when + 1, len(specs))):
        run.add()
    run.queue.forget()
    for item in list(run.running):
        run.queue.release(item)
    assert run.queue.take() is None


def test_a_failure_skips_its_dependant_and_nobody_else() -> None:
    specs = [
        Spec("free", 1.0, frozenset(), False),
        Spec("free", 1.0, frozenset({0}), True),
        Spec("free", 1.0, frozenset(), True),
    ]
    run = Run(specs)
    for _ in specs:
        run.add()
    while run.running:
        run.finish(0)
    statuses: list[Json] = [item.outcome.status for item in run.items if item.outcome]
    assert statuses == ["failed", "skipped", "value"]
