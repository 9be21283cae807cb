"""A replay calls nothing outside and comes to what the journal has, or names where it does not."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import Diverged
from agentkit.events import Event
from agentkit.store import Store
from agentkit.testing import ScriptedModel, save_run
from agentkit.types import Json
from tests.processes import finished
from tests.replay.runs import PLAN, scripted
from tests.replay.simulated import simulated

pytestmark = pytest.mark.anyio

SEEDS = 100


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_simulated_run_replays_identically(seed: int) -> None:
    agent, world, events = simulated(seed)
    before = dict(world.calls)
    assert isinstance(agent.model, ScriptedModel)
    asked = len(agent.model.requests)
    done = asyncio.run(agent.replay(events))
    assert done.parts == 1 + sum(event.type == "run.resumed" for event in events)
    assert done.events <= len(events) - done.parts
    assert dict(world.calls) == before
    assert len(agent.model.requests) == asked


def test_the_simulated_runs_meet_everything_that_a_replay_must_tell_again() -> None:
    """Else the test above would show less than it says."""
    met: set[str] = set()
    for seed in range(SEEDS):
        for event in simulated(seed)[2]:
            kind = event.data.get("verdict") or event.data.get("status") or ""
            met.add(f"{event.type} {kind}".strip())
    assert met >= {
        "node.retried", "node.asked", "node.decided approve", "node.decided deny",
        "effect.intent", "effect.receipt", "plan.refused", "run.resumed", "node.ended in_doubt",
        "node.ended failed", "node.ended skipped", "node.ended cancelled", "node.ended denied",
        "run.ended answered", "run.ended failed", "run.ended cancelled", "run.ended paused",
    }  # fmt: skip


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_replays_it_too(tmp_path: Path, hash_seed: str) -> None:
    """Sets of texts are walked in another order there."""
    for seed in range(20):
        save_run(simulated(seed)[2], tmp_path / f"{seed}.jsonl")
    script = (
        "import asyncio, sys\n"
        "from agentkit.testing import load_run\n"
        "from tests.replay.simulated import simulated\n"
        "for seed in range(20):\n"
        "    agent = simulated(seed)[0]\n"
        "    print(asyncio.run(agent.replay(load_run(f'{sys.argv[1]}/{seed}.jsonl'))).events)\n"
    )
    done = finished(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 20


def changed(events: Sequence[Event], node: str, **data: Json) -> list[Event]:
    """The journal with another end of a node."""
    return [
        replace(event, data={**_without_value(event), **data})
        if (event.type, event.node) == ("node.ended", node)
        else event
        for event in events
    ]


def _without_value(event: Event) -> dict[str, Json]:
    return {name: value for name, value in event.data.items() if name != "value"}


@pytest.mark.parametrize(
    ("node", "first", "expected", "found"),
    [
        ("a", "b", "node.started b args.n = 3", "node.started b args.n = 78"),
        ("b", "many[1].look_1", "args.n = 4", "args.n = 77"),
        ("many[2].look_1", "many[2]", "value = 6", "value = 77"),
        ("c", None, '"4 11 [3, 5, 6]"', '"4 77 [3, 5, 6]"'),
    ],
)
async def test_where_a_tool_answers_otherwise_the_first_divergent_node_is_named(
    store: Store, node: str, first: str | None, expected: str, found: str
) -> None:
    agent = scripted(store, PLAN)
    events = await agent.events((await agent.run("Look.")).id)
    assert (await agent.replay(events)).events == len(events) - 1
    with pytest.raises(Diverged) as caught:
        await agent.replay(changed(events, node, value=77))
    assert caught.value.node == first
    assert expected in caught.value.expected
    assert found in caught.value.found
    assert f"event {caught.value.seq}" in str(caught.value)


async def test_a_tool_that_failed_instead_is_found_out(store: Store) -> None:
    agent = scripted(store, PLAN)
    events = await agent.events((await agent.run("Look.")).id)
    failure: Json = {"kind": "ToolError", "message": "no", "retryable": False, "cause": None}
    with pytest.raises(Diverged) as caught:
        await agent.replay(changed(events, "a", status="failed", failure=failure))
    assert caught.value.node == "b"
    assert "skipped" in caught.value.found


async def test_another_prompt_is_a_divergence(store: Store) -> None:
    run = await scripted(store, PLAN).run("Look.")
    other = scripted(store, instructions="Answer in French.")
    with pytest.raises(Diverged, match="model.called plan/model_1 prompt_sha256"):
        await other.replay(run.id)


async def test_a_planner_that_says_nothing_more_is_a_divergence(store: Store) -> None:
    run = await scripted(store, PLAN).run("Look.")
    silent = scripted(store, planner=Silent())
    with pytest.raises(Diverged, match="the journal has: model.called plan/model_1"):
        await silent.replay(run.id)


class Silent:
    """A planner that proposes nothing."""

    async def propose(self, brief: Any) -> Any:
        """Nothing."""
        for nothing in ():
            yield nothing
