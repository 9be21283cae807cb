"""Whatever happens to a run, its spans are well-formed; and a traced journal is a journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from agentkit.events import Event
from agentkit.journal import MemoryJournal
from agentkit.telemetry.ids import life_id, trace_id
from agentkit.testing.journal import CHECKS
from agentkit.testing.simulation import simulate
from tests.telemetry.told import Told, id_of, require_well_formed, trace_of


def test_any_run_gives_well_formed_trees() -> None:
    """Random plans through kills, full disks, cancellations, pauses and doubts; each life of a run
    by a process of its own that was closed, or by one that saw the former ones."""
    met: Counter[object] = Counter()
    for seed in range(100):
        met.update(asyncio.run(_told(simulate(seed).events, anew=seed % 2 == 1)))
    seldom = {name for name in (None, "failed", "in_doubt", "cancelled", "paused", "answered",
                                "cut_off") if met[name] < 3}  # fmt: skip
    assert not seldom, met


async def _told(run: Sequence[Event], *, anew: bool) -> list[object]:
    """The outcomes of the spans of a run, which are as they must be."""
    kept, told = MemoryJournal(), Told()
    journal = told.journal(kept)
    processes = [told]
    for event in run:
        if event.type == "run.resumed" and anew:
            await journal.close()
            kept, told = await _survivor(kept, event.run), Told()
            journal = told.journal(kept)
            processes.append(told)
            await journal.events(event.run)
        journal.append(event)
    await journal.close()
    spans = [span for one in processes for span in one.spans]
    for one in processes:
        require_well_formed(one.spans)
    nodes = Counter(event.node for event in run if event.type == "node.started")
    of_nodes = [s for s in spans if s.name.startswith(("execute_tool", "map"))]
    assert Counter(_node(span) for span in of_nodes) == nodes
    lives = [event.seq for event in run if event.type in ("run.created", "run.resumed")]
    roots = [span for span in spans if span.parent is None]
    assert {id_of(span) for span in roots} == {life_id(run[0].run, n) for n in lives}
    linked = [link.context.span_id for span in roots for link in span.links]
    assert sorted(linked) == sorted(life_id(run[0].run, seq) for seq in lives[:-1])
    assert {trace_of(span) for span in spans} == {trace_id(run[0].run)}
    return [(s.attributes or {}).get("agentkit.outcome") for s in spans]


def _node(span: ReadableSpan) -> object:
    about = span.attributes or {}
    return about["gen_ai.tool.call.id" if "gen_ai.tool.name" in about else "agentkit.node.id"]


async def _survivor(kept: MemoryJournal, run: str) -> MemoryJournal:
    """The store as the next process opens it."""
    opened = MemoryJournal()
    for event in await kept.events(run):
        opened.append(event)
    return opened


@pytest.mark.anyio
@pytest.mark.parametrize("check", CHECKS)
async def test_a_traced_journal_is_a_journal(check: Any) -> None:
    await check(Told().journal(MemoryJournal()))
