"""Maps: chains per element, decided at run time."""

from __future__ import annotations

import asyncio

import pytest

from agentkit.engine.limits import Limits
from agentkit.errors import ToolError
from agentkit.plan.graph import Arg, Compute, Const, Map, Patch
from agentkit.tool import tool
from tests.engine.runs import Log, Ref, call, expression, scheduler

pytestmark = pytest.mark.anyio


@tool(effect="pure")
async def double(n: int) -> int:
    """Twice; 13 is bad luck."""
    if n == 13:
        raise ToolError("bad luck")
    return 2 * n


def doubled(over: str, *, where: Arg | None = None, value: Arg = Ref("double_2")) -> Map:  # noqa: B008
    """Each element doubled twice."""
    return Map(
        id="notes",
        over=expression(over),
        var="x",
        body=(call("double_1", double, n=Ref("x")), call("double_2", double, n=Ref("double_1"))),
        value=value,
        where=where,
    )


async def test_one_value_per_element_in_the_order_of_the_list() -> None:
    log = Log()
    async with scheduler([double], log, inputs={"xs": [1, 2, 3, 4], "least": 2}) as run:
        value = expression("[x, double_1, double_2]")
        run.add([doubled("xs", where=expression("x >= least"), value=value)])
        run.add([call("last", double, n=expression("notes[-1][2]"))])
        await run.settled()
    assert run.outcomes["notes"].value == [[2, 4, 8], [3, 6, 12], [4, 8, 16]]
    assert run.outcomes["last"].value == 32
    assert run.outcomes["notes[1].double_2"].value == 12
    assert log.kinds("notes[0].double_1") == ["node.started", "node.ended"]
    assert log.kinds("notes") == ["node.started", "node.ended"]


async def test_an_empty_list_gives_an_empty_list() -> None:
    async with scheduler([double], inputs={"xs": []}) as run:
        run.add([doubled("xs")])
        await run.settled()
    assert run.outcomes["notes"].value == []


async def test_no_barrier_between_the_calls_of_different_elements() -> None:
    gate, second = asyncio.Event(), asyncio.Event()

    @tool(effect="pure")
    async def first(n: int) -> int:
        """The element 0 waits."""
        if n == 0:
            await gate.wait()
        return n

    @tool(effect="pure")
    async def then(n: int) -> int:
        """The other one comes here meanwhile."""
        second.set()
        return n

    body = (call("a", first, n=Ref("x")), call("b", then, n=Ref("a")))
    async with scheduler([first, then], inputs={"xs": [0, 1]}) as run:
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("b"))])
        await second.wait()
        assert "m[0].a" not in run.outcomes
        gate.set()
        await run.settled()
    assert run.outcomes["m"].value == [0, 1]


async def test_a_failed_element_fails_the_map_and_spares_its_siblings() -> None:
    log = Log()
    async with scheduler([double], log, inputs={"xs": [1, 13, 3]}) as run:
        run.add([doubled("xs"), call("after", double, n=expression("notes[0]"))])
        await run.settled()
    end = run.outcomes["notes"]
    assert end.status == "failed" and end.failure is not None
    assert "notes[1]" in end.failure.message and "bad luck" in end.failure.message
    assert "1 of 3" in end.failure.message
    assert [run.outcomes[f"notes[{i}]"].status for i in range(3)] == ["value", "skipped", "value"]
    assert run.outcomes["notes[2]"].value == 12
    after = run.outcomes["after"].failure
    assert after is not None and (after.kind, after.cause) == ("Blocked", "notes")


async def test_an_element_without_a_value_of_its_own_fails_alone() -> None:
    async with scheduler([double], inputs={"xs": [{"n": 1}, {}]}) as run:
        body = (call("d", double, n=Ref("x", ("n",))),)
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("d"))])
        await run.settled()
    assert run.outcomes["m[0]"].value == 2
    assert run.outcomes["m"].failure is not None
    assert "m[1]" in run.outcomes["m"].failure.message


async def test_what_is_no_list_cannot_be_mapped() -> None:
    async with scheduler([double], inputs={"xs": {"a": 1}}) as run:
        run.add([doubled("xs")])
        await run.settled()
    failure = run.outcomes["notes"].failure
    assert failure is not None and "expected a list" in failure.message


async def test_the_conditions_of_a_map_together_are_bounded_as_one_expression_is() -> None:
    async with scheduler([double], inputs={"xs": list(range(300))}) as run:
        run.add([doubled("xs", where=expression("sum(range(20_000)) < x"))])
        await run.settled()
    failure = run.outcomes["notes"].failure
    assert failure is not None and failure.kind == "EvaluationError"
    assert "at most 200000 steps" in failure.message


async def test_a_map_past_the_limit_of_nodes_fails_alone() -> None:
    async with scheduler([double], inputs={"xs": list(range(50))}, limits=Limits(nodes=60)) as run:
        run.add([doubled("xs"), call("other", double, n=1)])
        await run.settled()
    failure = run.outcomes["notes"].failure
    assert failure is not None and failure.kind == "LimitReached"
    assert run.outcomes["other"].ok


async def test_a_resumed_map_repeats_no_call_that_ended() -> None:
    log = Log()
    async with scheduler([double], inputs={"xs": [1, 2]}) as first:
        first.add([doubled("xs")])
        await first.settled()
    known = {
        name: first.outcomes[name]
        for name in ("notes[0].double_1", "notes[1].double_1", "notes[1].double_2")
    }
    async with scheduler([double], log, inputs={"xs": [1, 2]}, outcomes=known) as run:
        run.add([doubled("xs")])
        await run.settled()
    assert run.outcomes["notes"].value == [4, 8]
    assert log.nodes("node.started") == ["notes", "notes[0].double_2"]


async def test_a_map_that_ended_before_a_resume_runs_anew_where_its_list_is_replaced() -> None:
    def numbers(*values: int) -> Compute:
        return Compute(id="xs", value=Const([*values]))

    async with scheduler([double]) as first:
        first.add([numbers(1, 2), doubled("xs")])
        await first.settled()
    async with scheduler([double], outcomes=first.outcomes) as run:
        run.add([numbers(1, 2), doubled("xs")])
        run.patch(Patch(replace=(numbers(5),)))
        await run.settled()
    assert run.outcomes["notes"].value == [20]
    assert "notes[1]" not in run.outcomes


async def test_a_removed_map_takes_its_elements_along() -> None:
    started = asyncio.Event()

    @tool(effect="read")
    async def wait(n: int) -> int:
        """Never ends by itself."""
        started.set()
        await asyncio.get_running_loop().create_future()
        return n

    log = Log()
    async with scheduler([wait, double], log, inputs={"xs": [1, 2]}) as run:
        body = (call("w", wait, n=Ref("x")),)
        run.add([Map(id="m", over=Ref("xs"), var="x", body=body, value=Ref("w"))])
        run.add([call("after", double, n=expression("m[0]"))])
        await started.wait()
        gone = run.remove(["m"])
        assert [node.id for node in gone] == ["after"]
        await run.settled()
        assert run.outcomes == {}
        run.add([call("m", double, n=4)])
        await run.settled()
    assert run.outcomes["m"].value == 8
    ended = [data["status"] for kind, _, data in log.events if kind == "node.ended"]
    assert ended == ["cancelled", "cancelled", "cancelled", "value"]
