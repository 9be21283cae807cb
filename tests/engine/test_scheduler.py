"""Dataflow: what runs, when, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import LimitReached, StoreError, ToolError, UsageError
from agentkit.events import EventType
from agentkit.plan.graph import Compute, Guard, Observe, Patch, When
from agentkit.tool import tool
from tests.engine.runs import Log, Ref, arg, call, expression, scheduler

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Point:
    """An item of a batch."""

    x: int


@tool(effect="pure")
async def add(a: int, b: int = 0) -> int:
    """Sum."""
    return a + b


@tool(effect="read")
async def broken(a: int) -> int:
    """Never works."""
    raise ToolError(f"no {a} today")


@tool(effect="read")
async def liar() -> list[int]:
    """Returns what it does not promise."""
    return ["one"]  # type: ignore[list-item]


async def test_values_flow_along_references_and_expressions() -> None:
    log = Log()
    async with scheduler([add], log, inputs={"x": 2}) as run:
        run.add([call("a", add, a=Ref("x"), b=3), call("b", add, a=expression("a * 10"))])
        run.add([Compute(id="c", value=expression("[a, b]"))])
        await run.settled()
    assert {name: end.value for name, end in run.outcomes.items()} == {
        "a": 5,
        "b": 50,
        "c": [5, 50],
    }
    assert log.kinds("a") == ["node.started", "node.ended"]
    assert log.events[0] == ("node.started", "a", {"tool": "add", "args": {"a": 2, "b": 3}})


async def test_nodes_that_are_given_in_any_order_run_in_theirs() -> None:
    async with scheduler([add]) as run:
        run.add([call("c", add, a=Ref("b")), call("b", add, a=Ref("a")), call("a", add, a=1)])
        await run.settled()
    assert run.outcomes["c"].value == 1


async def test_a_failure_poisons_only_its_dependants_and_names_the_root() -> None:
    log = Log()
    async with scheduler([add, broken], log) as run:
        run.add([call("bad", broken, a=1), call("good", add, a=1)])
        run.add([call("mid", add, a=Ref("bad")), call("end", add, a=Ref("mid"), b=Ref("good"))])
        await run.settled()
        run.add([call("late", add, a=Ref("end"))])
        await run.settled()
    assert run.outcomes["good"].value == 1
    failure = run.outcomes["bad"].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("ToolError", "no 1 today")
    for name in ("mid", "end", "late"):
        end = run.outcomes[name]
        assert end.failure is not None
        assert (end.status, end.failure.kind, end.failure.cause) == ("skipped", "Blocked", "bad")
        assert log.kinds(name) == ["node.ended"]


class Panic(BaseException):
    """What extensions in Rust raise, and `except Exception` does not see."""


@pytest.mark.parametrize("kind", [SystemExit, Panic])
async def test_a_tool_that_wants_to_end_the_program_has_failed(kind: type[BaseException]) -> None:
    log = Log()

    @tool(effect="once")
    def leave() -> int:
        """Ends the program, it thinks."""
        raise kind("bye")

    @tool(effect="read")
    async def leave_the_loop() -> int:
        """The same, on the loop."""
        raise kind("bye")

    @tool(effect="pure", batch=2)
    def leave_together(points: Sequence[Point]) -> list[int]:
        """The same, for several."""
        raise kind("bye")

    async with scheduler([leave, leave_the_loop, leave_together, add], log) as run:
        run.add([call("a", leave), call("b", leave_together, x=1), call("d", leave_the_loop)])
        run.add([call("c", add, a=1)])
        await run.settled()
    for name in "abd":
        end = run.outcomes[name]
        assert end.status == "failed" and end.failure is not None
        assert (end.failure.kind, end.failure.message) == (kind.__name__, "bye")
    assert log.kinds("a")[-2:] == ["node.ended", "effect.receipt"]
    assert run.outcomes["c"].value == 1


async def test_siblings_run_at_once_and_a_slow_one_holds_nobody_up() -> None:
    gate, quick = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def wait() -> str:
        """Waits for the test."""
        await gate.wait()
        return "late"

    @tool(effect="read")
    async def tell(a: int) -> int:
        """Tells the test."""
        quick.set()
        return a

    async with scheduler([wait, tell, add]) as run:
        run.add([call("slow", wait), call("a", add, a=1), call("b", tell, a=Ref("a"))])
        await quick.wait()
        assert "slow" not in run.outcomes
        await run.settled(["b"])
        gate.set()
        await run.settled()
    assert run.outcomes["slow"].value == "late"


async def test_a_guard_lets_only_one_branch_run() -> None:
    async with scheduler([add], inputs={"x": 7}) as run:
        run.add(
            [
                Guard(id="if_1", test=expression("x > 5")),
                call("yes", add, a=1, when=When("if_1")),
                call("no", add, a=2, when=When("if_1", False)),
                Guard(id="if_2", test=expression("x > 6"), when=When("if_1", False)),
                call("nested", add, a=3, when=When("if_2")),
                call("after", add, a=Ref("no")),
                Observe(id="seen", using=(Ref("yes"), Ref("no"))),
            ]
        )
        await run.settled()
    ends = run.outcomes
    assert ends["if_1"].value is True
    assert ends["yes"].value == 1
    kinds = {name: end.failure.kind for name, end in ends.items() if end.failure is not None}
    assert kinds == {"no": "Guarded", "if_2": "Guarded", "nested": "Guarded", "after": "Blocked"}
    assert all(ends[name].failure.cause == "if_1" for name in kinds)  # type: ignore[union-attr]
    assert ends["seen"].value == [1, None]


async def test_a_failed_guard_blocks_both_branches() -> None:
    async with scheduler([add], inputs={"x": {}}) as run:
        run.add([Guard(id="if_1", test=expression("x.total > 5"))])
        run.add(
            [
                call("yes", add, a=1, when=When("if_1")),
                call("no", add, a=1, when=When("if_1", False)),
            ]
        )
        await run.settled()
    assert run.outcomes["if_1"].status == "failed"
    assert {run.outcomes[name].status for name in ("yes", "no")} == {"skipped"}
    assert run.outcomes["yes"].failure is not None
    assert run.outcomes["yes"].failure.kind == "Blocked"


async def test_results_and_arguments_of_a_wrong_type_are_named() -> None:
    async with scheduler([add, liar]) as run:
        run.add([call("lie", liar), call("odd", add, a=arg("seven"))])
        await run.settled()
    lie, odd = run.outcomes["lie"].failure, run.outcomes["odd"].failure
    assert lie is not None and odd is not None
    assert lie.kind == "WrongType" and "liar" in lie.message and "[0]" in lie.message
    assert odd.kind == "WrongArgument" and "add" in odd.message and "a" in odd.message


async def test_a_missing_field_fails_the_node_that_wanted_it() -> None:
    async with scheduler([add], inputs={"x": {"a": 1}}) as run:
        run.add([call("n", add, a=Ref("x", ("b",)))])
        await run.settled()
    failure = run.outcomes["n"].failure
    assert failure is not None and failure.kind == "EvaluationError" and "b" in failure.message


async def test_a_chain_of_thousands_needs_no_stack() -> None:
    async with scheduler([add], inputs={"n0": 0}) as run:
        run.add([call(f"n{i + 1}", add, a=Ref(f"n{i}"), b=1) for i in range(5000)])
        run.add(
            [Compute(id="m0", value=Ref("n5000"))]
            + [Compute(id=f"m{i + 1}", value=Ref(f"m{i}")) for i in range(3000)]
        )
        await run.settled()
    assert run.outcomes["m3000"].value == 5000


async def test_settled_waits_for_the_named_and_what_they_need() -> None:
    gate = asyncio.Event()

    @tool(effect="read")
    async def wait(a: int = 0) -> int:
        """Waits for the test."""
        await gate.wait()
        return a

    async with scheduler([add, wait, broken]) as run:
        run.add([call("a", add, a=1), call("b", add, a=Ref("a")), call("w", wait)])
        await run.settled(["b"])
        assert "w" not in run.outcomes
        run.add([call("bad", broken, a=1), call("both", add, a=Ref("w"), b=Ref("bad"))])
        await run.settled(["bad"])
        waiting = asyncio.ensure_future(run.settled(["both"]))
        await asyncio.sleep(0)
        assert run.outcomes["both"].status == "skipped"
        assert not waiting.done()
        gate.set()
        await waiting
        assert run.outcomes["w"].ok
        with pytest.raises(UsageError, match="nobody"):
            await run.settled(["nobody"])


async def test_a_replaced_node_runs_anew_with_what_needs_it() -> None:
    log = Log()
    async with scheduler([add, broken], log) as run:
        run.add([call("a", broken, a=1), call("b", add, a=Ref("a")), call("c", add, a=5)])
        await run.settled()
        run.patch(Patch(replace=(call("a", add, a=2),), add=(call("d", add, a=Ref("b")),)))
        await run.settled()
        assert [run.outcomes[name].value for name in "abcd"] == [2, 2, 5, 2]
        run.patch(Patch(remove=("d", "b")))
        await run.settled()
        assert set(run.outcomes) == {"a", "c"}
    assert log.nodes("node.started").count("c") == 1


async def test_known_outcomes_are_not_computed_again() -> None:
    log = Log()
    async with scheduler([add, broken]) as first:
        first.add([call("a", add, a=1), call("bad", broken, a=1)])
        await first.settled()
    async with scheduler([add, broken], log, outcomes=first.outcomes) as run:
        run.add([call("a", add, a=1), call("bad", broken, a=1), call("b", add, a=Ref("a"))])
        run.add([call("c", add, a=Ref("bad"))])
        await run.settled()
    assert log.nodes("node.started") == ["b"]
    assert log.nodes("node.ended") == ["c", "b"]


async def test_what_cannot_be_added_is_said() -> None:
    async with scheduler([add], limits=Limits(nodes=3, depth=2)) as run:
        with pytest.raises(UsageError, match="expected one of the tools.*'ad'"):
            run.add([call("a", "ad")])
        with pytest.raises(UsageError, match="needs 'nothing'"):
            run.add([call("a", add, a=Ref("nothing"))])
        run.add([call("a", add, a=1), call("b", add, a=Ref("a"))])
        with pytest.raises(UsageError, match="'a' is bound already"):
            run.add([call("a", add, a=1)])
        with pytest.raises(LimitReached, match="2 depth"):
            run.add([call("c", add, a=Ref("b"))])
        run.add([call("c", add, a=1)])
        with pytest.raises(LimitReached, match="3 nodes"):
            run.add([call("d", add, a=1)])
        await run.settled()


async def test_the_same_call_over_and_over_is_stopped() -> None:
    async with scheduler([add], limits=Limits(repeats=2)) as run:
        run.add([call(f"n{i}", add, b=1, a=2) for i in range(2)])
        run.add([call("other", add, a=2, b=2), call("again", add, a=2, b=1)])
        await run.settled()
    assert run.outcomes["other"].ok
    failure = run.outcomes["again"].failure
    assert failure is not None and failure.kind == "Repeated"


async def test_calls_made_before_a_resume_count_as_repeats() -> None:
    async with scheduler([add]) as first:
        first.add([call("a", add, a=1), call("b", add, a=1)])
        await first.settled()
    async with scheduler([add], limits=Limits(repeats=2), outcomes=first.outcomes) as run:
        run.add([call("a", add, a=1), call("b", add, a=1), call("c", add, a=1)])
        await run.settled()
    failure = run.outcomes["c"].failure
    assert failure is not None and failure.kind == "Repeated"


class Full(Log):
    """A journal on a disk with room for so many events."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def __call__(self, kind: EventType, node: str | None, data: object) -> None:
        if len(self.events) >= self.room:
            raise StoreError("no room on the disk")
        super().__call__(kind, node, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("room", range(9))
async def test_a_journal_that_fails_stops_the_run_wherever_it_happens(room: int) -> None:
    begun: list[int] = []

    @tool(effect="write")
    async def count(a: int) -> int:
        """Notes that it was called."""
        begun.append(a)
        await asyncio.sleep(0)
        return a

    before = asyncio.all_tasks()
    log = Full(room)
    with pytest.raises(StoreError, match="no room"):
        async with scheduler([count, add], log) as run:
            run.add([call("a", count, a=1), call("b", count, a=2), call("c", count, a=Ref("a"))])
            run.add([Compute(id="d", value=Ref("c")), call("e", add, a=Ref("d"))])
            await run.settled()
    assert len(begun) <= len(log.nodes("effect.intent"))
    ended = log.nodes("node.ended")
    assert len(set(ended)) == len(ended)
    assert asyncio.all_tasks() == before
