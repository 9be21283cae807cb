"""Every fault of one run: a chain, a fan, a guard, a replan, effects of all classes, approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from agentkit import Agent, tool
from agentkit.decisions import Decision, Question, approve
from agentkit.plan.graph import Patch, Plan
from agentkit.plan.program import ProgramReader
from agentkit.planners import Fixed
from agentkit.testing import ScriptedModel
from agentkit.testing.faults import Fault, Trial, check_trial, faults, trial
from agentkit.tool import NOT_DONE, Context

pytestmark = pytest.mark.anyio

PLAN = """
fruits = list_fruits()
pages = [look_up(fruit=f) for f in fruits]
observe(pages)
total = add(numbers=[len(p) for p in pages])
if total > 3:
    note = save(text=f"{total}")
sent = post(text=f"{total}")
lone = look_up(fruit="fig")
answer(f"{total} {lone}")
"""


@dataclass(frozen=True)
class Sum:
    """An item of a batch."""

    numbers: list[int]


class Shop:
    """Tools that count what they did, outside of every run."""

    def __init__(self, *, reconciles: bool = True) -> None:
        self.saved: Counter[str] = Counter()
        self.posted: Counter[str] = Counter()

        @tool(effect="pure")
        async def list_fruits() -> list[str]:
            """The fruits."""
            return ["plum", "pear"]

        @tool(effect="read")
        def look_up(fruit: str) -> str:
            """A page, in a thread."""
            return f"about {fruit}"

        @tool(effect="pure", batch=4)
        async def add(sums: list[Sum]) -> list[int]:
            """Sums."""
            return [sum(each.numbers) for each in sums]

        @tool(effect="write")
        async def save(text: str, *, context: Context) -> str:
            """Keep a note under its key."""
            self.saved[context.key] += 1
            return "saved"

        async def reconcile(key: str) -> object:
            return "posted" if key in self.posted else NOT_DONE

        @tool(effect="once", approve=True, reconcile=reconcile if reconciles else None)
        async def post(text: str, *, context: Context) -> str:
            """Post a letter."""
            self.posted[context.key] += 1
            return "posted"

        self.tools = [list_fruits, look_up, add, save, post]

    def agent(self, plan: str = PLAN) -> Agent[Any]:
        model = ScriptedModel(replies=lambda request: "It came to nothing.")
        return Agent(model=model, planner=Fixed(plan), tools=self.tools, approver=yes)


async def yes(questions: Sequence[Question]) -> Sequence[Decision]:
    return [approve(one) for one in questions]


async def under(fault: Fault | None, shop: Shop | None = None) -> Trial:
    found = await trial((shop or Shop()).agent(), "Do the shopping.", fault)
    check_trial(found)
    return found


async def test_no_fault_breaks_a_rule_or_doubles_an_effect() -> None:
    well = await under(None)
    assert well.run is not None
    every = faults(well.events)
    assert len(every) == 5 * (7 + len(well.events))
    answers: Counter[str] = Counter()
    for fault in every:
        shop = Shop()
        found = await under(fault, shop)
        assert len(shop.saved) <= 1, fault
        assert set(shop.posted.values()) <= {1}, fault
        answers[fault.kind] += found.run is not None and found.run.answer == well.run.answer
        if fault.kind in ("kill", "delay", "duplicate"):
            assert found.run is not None, fault
            assert found.run.answer == well.run.answer, fault
            assert (len(shop.saved), len(shop.posted)) == (1, 1), fault
    assert answers["kill"] == answers["delay"] == len(every) / 5


async def test_a_failed_node_keeps_its_siblings() -> None:
    found = await under(Fault(kind="fail", node="pages[0].look_up_1"))
    assert found.error is None or found.run is None
    ends = {e.node: e.data["status"] for e in found.events if e.type == "node.ended"}
    assert ends["pages[0].look_up_1"] == "failed"
    assert ends["pages[1].look_up_1"] == "value"
    assert ends["lone"] == "value"
    assert ends["total"] == "skipped"


async def test_what_has_another_type_than_promised_is_no_value() -> None:
    found = await under(Fault(kind="corrupt", node="fruits"))
    ends = {e.node: e.data for e in found.events if e.type == "node.ended"}
    assert ends["fruits"]["status"] == "failed"
    assert "WrongType" in str(ends["fruits"]["failure"])


async def test_a_kill_at_a_call_that_must_not_be_repeated() -> None:
    shop = Shop()
    found = await under(Fault(kind="kill", node="sent"), shop)
    assert (found.resumed, list(shop.posted.values())) == (True, [1])
    assert found.run is not None
    assert found.run.outcomes["sent"].value == "posted"
    silent = Shop(reconciles=False)
    found = await under(Fault(kind="kill", node="sent"), silent)
    assert found.run is not None
    assert found.run.outcomes["sent"].status == "in_doubt"
    assert list(silent.posted.values()) == [1]


async def test_a_write_that_is_delivered_twice_has_one_key() -> None:
    shop = Shop()
    await under(Fault(kind="duplicate", node="note"), shop)
    assert list(shop.saved.values()) == [2]


async def test_a_damaged_record_stops_the_run() -> None:
    found = await under(Fault(kind="corrupt", record=5))
    assert found.run is None
    assert "event 5 of run trial is damaged" in str(found.error)


async def test_a_check_names_the_fault() -> None:
    found = await under(Fault(kind="kill", record=9))
    missing = Trial(
        fault=found.fault, events=[*found.events[:4], *found.events[5:]], run=found.run,
        error=None, resumed=True, limits=found.limits, once=found.once,
    )  # fmt: skip
    with pytest.raises(AssertionError, match=r"with the fault kill record 9: run trial breaks"):
        check_trial(missing)


def test_the_faults_of_a_plan_are_those_of_its_calls() -> None:
    tools = {each.name: each for each in Shop().tools}
    reader = ProgramReader(tools, Plan())
    patches = [each for each in [*reader.feed(PLAN), *reader.close()] if isinstance(each, Patch)]
    plan = Plan(nodes={node.id: node for patch in patches for node in patch.add})
    kinds = [fault.kind for fault in faults(plan) if fault.node == "fruits"]
    assert kinds == ["fail", "delay", "duplicate", "corrupt", "kill"]
    assert {fault.node for fault in faults(plan)} == {"fruits", "total", "note", "sent", "lone"}
