"""Effects: intent before, receipt with the outcome, no silent repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agentkit.decisions import Decision, Question, approve
from agentkit.engine.context import canonical, idempotency_key
from agentkit.engine.scheduler import Scheduler
from agentkit.errors import StoreError, ToolError
from agentkit.outcome import Outcome
from agentkit.plan.graph import Compute, Const, Patch
from agentkit.tool import Context, Tool, tool
from agentkit.types import Json
from tests.engine.runs import Log, Ref, call, expression, scheduler

pytestmark = pytest.mark.anyio


class Durable(Log):
    """Knows how many of its events are durable."""

    durable = 0

    async def barrier(self) -> None:
        await asyncio.sleep(0)
        self.durable = len(self.events)


async def test_the_intent_is_durable_before_the_call_and_the_receipt_comes_last() -> None:
    log = Durable()
    seen: list[tuple[str, int]] = []

    @tool(effect="once")
    async def send(to: str, context: Context) -> str:
        """Notes its key and what was durable when it ran."""
        seen.append((context.key, log.durable))
        return to

    async with scheduler([send], log, barrier=log.barrier) as run:
        run.add([call("s", send, to="Ann")])
        await run.settled()
    assert log.kinds("s") == ["node.started", "effect.intent", "node.ended", "effect.receipt"]
    key = idempotency_key("run", "s", canonical({"to": "Ann"}), tool="send")
    assert seen == [(key, 2)]
    assert log.events[1][2] == log.events[3][2] == {"key": key}


async def test_reading_waits_for_no_disk() -> None:
    log = Durable()

    @tool(effect="read")
    async def look() -> int:
        """Looks."""
        return log.durable

    async with scheduler([look], log, barrier=log.barrier) as run:
        run.add([call("l", look)])
        await run.settled()
    assert run.outcomes["l"].value == 0
    assert log.kinds("l") == ["node.started", "node.ended"]


async def test_an_effect_that_failed_has_a_receipt_too() -> None:
    log = Log()

    @tool(effect="once")
    async def refuse() -> str:
        """Says no."""
        raise ToolError("no")

    async with scheduler([refuse], log) as run:
        run.add([call("r", refuse)])
        await run.settled()
    assert log.kinds("r")[-2:] == ["node.ended", "effect.receipt"]


async def test_a_once_call_with_an_intent_and_no_receipt_ends_in_doubt() -> None:
    calls: list[str] = []

    @tool(effect="once")
    async def send(to: str) -> str:
        """Must not be called again."""
        calls.append(to)
        return to

    @tool(effect="write")
    async def put(to: str) -> str:
        """May be called again, with the same key."""
        calls.append(to)
        return to

    def intents(to: str) -> dict[str, str]:
        names = {"s": "send", "p": "put"}
        args = canonical({"to": to})
        return {node: idempotency_key("run", node, args, tool=tool) for node, tool in names.items()}

    log = Log()
    async with scheduler([send, put], log, intents=intents("Ann")) as run:
        run.add([call("s", send, to="Ann"), call("p", put, to="Ann"), call("t", put, to=Ref("s"))])
        await run.settled()
    assert calls == ["Ann"]
    assert run.outcomes["s"].status == "in_doubt"
    assert run.outcomes["t"].status == "skipped"
    assert log.kinds("s") == ["node.ended"]
    async with scheduler([send, put], intents=intents("Ann")) as run:
        run.add([call("s", send, to="Bob")])  # replaced: another effect
        await run.settled()
    assert calls == ["Ann", "Bob"]


async def test_a_once_call_that_ran_out_of_time_is_in_doubt_and_has_no_receipt() -> None:
    @tool(effect="once", timeout_s=0.01)
    async def send() -> str:
        """Never answers."""
        await asyncio.get_running_loop().create_future()
        return "sent"

    log = Log()
    async with scheduler([send], log) as run:
        run.add([call("s", send)])
        await run.settled()
    end = run.outcomes["s"]
    assert end.status == "in_doubt" and end.failure is not None
    assert "0.01 s" in end.failure.message
    assert log.nodes("effect.receipt") == []


async def test_a_store_that_fails_in_a_call_stops_the_run_and_leaves_no_receipt() -> None:
    """The call is no failure that a plan could go on without: it is made, or looked up, later."""
    log = Log()

    @tool(effect="once")
    async def send() -> str:
        """The letter is out, and its copy finds no room."""
        raise StoreError("no room left")

    run = scheduler([send], log)
    with pytest.raises(StoreError, match="no room left"):
        async with run:
            run.add([call("s", send)])
            await run.settled()
    assert log.kinds("s") == ["node.started", "effect.intent", "node.ended"]
    assert run.outcomes["s"].status == "cancelled"


class Post:
    """Sends letters; the first one to Bob is never answered."""

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.begun = asyncio.Event()
        self.send = tool(effect="once", name="send")(self._send)

    async def _send(self, to: str) -> str:
        self.letters.append(to)
        if self.letters == ["Bob"]:
            self.begun.set()
            await asyncio.get_running_loop().create_future()
        return to


def to_whom(name: str, why: str) -> Compute:
    """A node of which a letter needs the name only."""
    return Compute(id="to", value=Const([name, why]))


async def test_a_once_call_that_was_answered_is_not_repeated_where_its_node_runs_anew() -> None:
    post = Post()
    async with scheduler([post.send]) as run:
        run.add([to_whom("Ann", "a"), call("s", post.send, to=expression("to[0]"))])
        await run.settled()
        run.patch(Patch(replace=(to_whom("Ann", "b"),)))
        await run.settled()
        assert post.letters == ["Ann"]
        assert (run.outcomes["s"].value, run.outcomes["s"].attempts) == ("Ann", 0)
        run.patch(Patch(replace=(to_whom("Cem", "c"),)))
        await run.settled()
    assert post.letters == ["Ann", "Cem"]


async def test_a_once_call_that_was_cut_off_is_in_doubt_where_its_node_runs_anew() -> None:
    post = Post()
    async with scheduler([post.send]) as run:
        run.add([to_whom("Bob", "a"), call("s", post.send, to=expression("to[0]"))])
        await post.begun.wait()
        run.patch(Patch(replace=(to_whom("Bob", "b"),)))
        await run.settled()
    assert post.letters == ["Bob"]
    assert run.outcomes["s"].status == "in_doubt"


@tool(effect="read")
async def other(n: int) -> int:
    """Something else to do."""
    return n


class Tidy:
    """Sends letters; a call that is cancelled still tidies up, and then has sent its own."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.begun: dict[str, asyncio.Event] = {to: asyncio.Event() for to in ("Ann", "Bob")}
        self.free = asyncio.Event()
        self.send = tool(effect="once", name="send")(self._send)

    async def _send(self, to: str) -> str:
        self.log.append(f"to {to}")
        self.begun[to].set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await self.free.wait()
        self.log.append(f"sent to {to}")
        return to

    async def free_after_others(self, run: Scheduler) -> None:
        """What could begin by now has."""
        for turn in range(5):
            run.add([call(f"other{turn}", other, n=turn)])
            await run.settled([f"other{turn}"])
        self.free.set()


async def test_a_replaced_node_begins_once_its_old_call_is_over_and_its_intent_is_its_own() -> None:
    tidy, log = Tidy(), Log()
    async with scheduler([tidy.send, other], log) as run:
        run.add([call("s", tidy.send, to="Ann")])
        await tidy.begun["Ann"].wait()
        run.patch(Patch(replace=(call("s", tidy.send, to="Bob"),)))
        await tidy.free_after_others(run)
        await tidy.begun["Bob"].wait()
        run.patch(Patch(remove=("s",)))
        await run.settled()
    assert tidy.log == ["to Ann", "sent to Ann", "to Bob", "sent to Bob"]
    ends = [each for each in log.events if each[:2] == ("node.ended", "s")]
    assert [data["status"] for _, _, data in ends] == ["cancelled", "in_doubt"]


async def test_what_an_equal_call_came_to_late_is_taken_and_not_done_again() -> None:
    tidy = Tidy()
    async with scheduler([tidy.send, other]) as run:
        run.add([call("s", tidy.send, to="Ann")])
        await tidy.begun["Ann"].wait()
        run.patch(Patch(replace=(call("s", tidy.send, to=expression("'Ann'")),)))
        await tidy.free_after_others(run)
        await run.settled()
    assert tidy.log == ["to Ann", "sent to Ann"]
    assert (run.outcomes["s"].value, run.outcomes["s"].attempts) == ("Ann", 0)


async def test_an_effect_answered_before_a_resume_is_not_repeated() -> None:
    post = Post()
    key = idempotency_key("run", "s", canonical({"to": "Ann"}), tool="send")
    async with scheduler([post.send], effects={key: Outcome("value", "Ann")}) as run:
        run.add([call("s", post.send, to="Ann")])
        await run.settled()
    assert post.letters == []
    assert run.outcomes["s"].value == "Ann"


class Kept:
    """A cache in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[str, Json] = {}

    async def get(self, key: str) -> Json:
        return self.values.get(key)

    def put(self, key: str, value: Json) -> None:
        self.values[key] = value


async def test_results_of_pure_tools_are_kept_where_the_tool_says_so() -> None:
    calls: list[int] = []

    @tool(effect="pure", cache=True)
    async def square(n: int) -> int | None:
        """Notes its calls; the square of 0 is nothing, and that is kept as well."""
        calls.append(n)
        return n * n or None

    cache = Kept()
    ends: list[Outcome] = []
    for _ in range(2):
        async with scheduler([square], cache=cache) as run:
            run.add([call("a", square, n=3), call("z", square, n=0)])
            await run.settled()
            ends.append(run.outcomes["a"])
    assert calls == [3, 0]
    assert [(end.value, end.attempts) for end in ends] == [(9, 1), (9, 0)]


async def test_results_that_depend_on_more_than_the_arguments_are_kept_apart() -> None:
    def heard_by(model: str) -> Tool[..., Any]:
        @tool(name="hear", effect="pure", cache=model)
        async def hear(n: int) -> str:
            """Says who heard it."""
            return f"{n} by {model}"

        return hear

    cache, values = Kept(), list[Json]()
    for model in ("small", "large", "small"):
        async with scheduler([heard_by(model)], cache=cache) as run:
            run.add([call("a", heard_by(model), n=3)])
            await run.settled()
            values.append(run.outcomes["a"].value)
    assert values == ["3 by small", "3 by large", "3 by small"]
    assert len(cache.values) == 2


async def test_another_tool_in_a_nodes_place_is_another_call() -> None:
    """What one tool did, or was allowed, says nothing of another one with the same arguments."""

    @tool(effect="once")
    async def send(to: str) -> str:
        """Send."""
        return f"sent to {to}"

    @tool(effect="once")
    async def burn(to: str) -> str:
        """Burn."""
        return f"burnt for {to}"

    asked: list[str] = []

    async def person(questions: Sequence[Question]) -> Sequence[Decision]:
        asked.extend(one.tool for one in questions)
        return [approve(one) for one in questions]

    async with scheduler([send, burn], rules=["once"], ask=person) as run:
        run.add([call("s", send, to="Ann")])
        await run.settled()
        run.patch(Patch(replace=(call("s", burn, to="Ann"),)))
        await run.settled()
    assert (run.outcomes["s"].value, asked) == ("burnt for Ann", ["send", "burn"])


async def test_arguments_that_have_no_text_fail_their_call_and_not_the_run() -> None:
    @tool(effect="once", approve=True)
    async def pay(euros: int) -> int:
        """Pays."""
        return 1

    async def generous(questions: Sequence[Question]) -> Sequence[Decision]:
        return [approve(one, args={"euros": 10**5000}) for one in questions if one.node == "p"]

    async with scheduler([pay], ask=generous) as run:
        run.add([call("p", pay, euros=1)])
        await run.settled()
    end = run.outcomes["p"]
    assert (end.status, end.attempts) == ("failed", 0)
    assert end.failure is not None and "digits" in end.failure.message


async def test_of_several_failures_the_first_in_the_plan_is_to_blame() -> None:
    @tool(effect="pure")
    async def broken() -> int:
        """Fails."""
        raise ToolError("no")

    names = [f"n{number}" for number in range(9, 0, -1)]
    async with scheduler([broken]) as run:
        run.add([call(name, broken) for name in names])
        await run.settled()
        run.add([Compute(id="all", value=expression(" + ".join(sorted(names))))])
        await run.settled()
    failure = run.outcomes["all"].failure
    assert failure is not None
    assert failure.cause == "n9"
