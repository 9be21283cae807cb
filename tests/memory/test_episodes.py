"""Episodes: plans that ended well, found again by what their tasks say."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit import Agent, ToolError, open_store, tool
from agentkit.equip import equip
from agentkit.errors import ModelError, RunError
from agentkit.inputs import read_inputs
from agentkit.journal.memory import MemoryJournal
from agentkit.memory import Episodes
from agentkit.memory.episodes import seed_plans
from agentkit.plan.check import check_patch, scope_of
from agentkit.plan.graph import Plan
from agentkit.plan.program import parse_program
from agentkit.protocols import Example
from agentkit.store import Store
from agentkit.testing import ScriptedModel
from agentkit.tools.embed import MiniLM

pytestmark = pytest.mark.anyio


class Letters:
    """Texts by the letters in them: similar texts have similar vectors."""

    name = "letters"
    dimensions = 26

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        counted = [[float(text.lower().count(chr(97 + n))) for n in range(26)] for text in texts]
        return [[x / (math.hypot(*row) or 1.0) for x in row] for row in counted]


def episodes(journal: Any, **options: Any) -> Episodes:
    given: dict[str, Any] = {"embedder": Letters(), "seeds": (), **options}
    return Episodes(journal, **given)


async def recalled(memory: Episodes, task: str) -> list[str]:
    return [one.task for one in (await memory.recall(task, session=None)).examples]


TASKS = st.lists(st.text(alphabet="abcdef", min_size=1, max_size=8), max_size=8, unique=True)


@given(TASKS, st.text(alphabet="abcdef", min_size=1, max_size=8), st.floats(0, 1))
async def test_the_most_similar_come_first_and_none_below_the_bound(
    tasks: list[str], task: str, least: float
) -> None:
    memory = episodes(MemoryJournal(), most=3, least_similarity=least)
    for one in tasks:
        await memory.store(one, session=None, plan=f"answer('{one}')", answer="")
    found = await recalled(memory, task)
    near = {one: similarity(one, task) for one in tasks}
    scores = [near[one] for one in found]
    assert scores == sorted(scores, reverse=True) and len(found) <= 3
    assert all(score >= least - 1e-9 for score in scores)
    left = [near[one] for one in tasks if one not in found and near[one] >= least + 1e-9]
    assert not left or (len(found) == 3 and max(left) <= scores[-1] + 1e-9)


def similarity(one: str, other: str) -> float:
    first, second = Letters().embed([one, other])
    return sum(a * b for a, b in zip(first, second, strict=True))


async def test_a_newer_plan_takes_the_place_of_an_older_and_an_empty_one_is_none() -> None:
    memory = episodes(MemoryJournal())
    for plan in ("answer('old')", "answer('new')", " \n"):
        await memory.store("abc", session=None, plan=plan, answer="")
    (found,) = (await memory.recall("abc", session=None)).examples
    assert found == Example(task="abc", plan="answer('new')")


async def test_runs_that_end_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path, sync="process")
    memory = episodes(store.journal, most=100, least_similarity=0.0)
    names = [f"a{'b' * n}" for n in range(10)]
    await asyncio.gather(
        *(memory.store(one, session=None, plan="answer('x')", answer="") for one in names)
    )
    assert sorted(await recalled(memory, "a")) == sorted(names)
    await store.close()


async def test_the_oldest_go_beyond_500() -> None:
    memory = episodes(MemoryJournal(), most=1000, least_similarity=-1.0)
    for number in range(503):
        await memory.store(f"task {number}", session=None, plan="answer('x')", answer="")
    found = await recalled(memory, "task")
    assert len(found) == 500 and "task 2" not in found and "task 3" in found


@tool(effect="pure")
def double(n: int) -> int:
    """Twice the number."""
    return 2 * n


@tool(effect="read")
def broken(n: int) -> int:
    """Fails."""
    raise ToolError("it broke")


def agent(store: Store, *replies: str | Exception, **options: Any) -> tuple[Agent, ScriptedModel]:
    model = ScriptedModel(replies=replies)
    memory = [episodes(store.journal, **options)]
    return Agent(model=model, tools=[double, broken], store=store, memory=memory), model


def read(model: ScriptedModel) -> str:
    return model.requests[0].messages[-1].content


async def test_a_plan_is_an_example_for_a_like_task_in_a_store_that_was_closed(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)
    first, _ = agent(store, 'twice = double(n=21)\nanswer(f"It is {twice}.")')
    await first.run("Double twenty-one.")
    await store.close()
    store = open_store(tmp_path)
    second, model = agent(store, 'answer("50")')
    await second.run("Double twenty-five.")
    example = "Task: Double twenty-one.\ntwice = double(n=21)\nanswer(text=f'It is {twice}.')\n"
    assert read(model).startswith(example) and read(model).endswith("Task: Double twenty-five.")
    third, model = agent(store, 'answer("?")')
    await third.run("Why why why?")
    assert read(model) == "Task: Why why why?"
    await store.close()


@pytest.mark.parametrize(
    "replies",
    [
        ["a = nothing()\n", "a = nothing()\n"],
        ["a = double(n=1)\nanswer(using=[a])", ModelError("down")],
        ["a = broken(n=1)\nanswer(using=[a])", ""],
    ],
)
async def test_a_run_that_failed_is_no_example(
    replies: list[str | Exception], tmp_path: Path
) -> None:
    store = open_store(tmp_path, sync="process")
    first, _ = agent(store, *replies)
    with pytest.raises(RunError):
        await first.run("Double one.")
    assert await recalled(episodes(store.journal), "Double one.") == []
    await store.close()


async def test_a_plan_with_a_step_that_failed_is_no_example(tmp_path: Path) -> None:
    """The run came to an answer, but what failed in it is nothing to learn from."""
    store = open_store(tmp_path, sync="process")
    first, _ = agent(store, "a = broken(n=1)\nb = double(n=1)\nanswer(using=[a, b])", "", "2 [b].")
    await first.run("Double one.")
    assert await recalled(episodes(store.journal), "Double one.") == []
    await store.close()


async def test_the_seeds_are_found_beside_what_was_kept() -> None:
    memory = Episodes(MemoryJournal(), embedder=Letters(), most=100, least_similarity=0.0)
    await memory.store("abc", session=None, plan="answer('x')", answer="")
    assert {*await recalled(memory, "abc")} == {"abc", *(one.task for one in seed_plans())}


SEED_INPUTS: dict[str, object] = {"documents": ["a", "b"], "total": 1200}
SEED_MEDIA = {"recording": "call.flac", "call": "call.flac", "picture": "receipt.png",
              "page": "receipt.png", "photo": "receipt.png"}  # fmt: skip


def test_every_seed_is_a_plan_that_the_check_accepts(tmp_path: Path) -> None:
    data = Path(__file__).parents[2] / "examples" / "data"
    named = ["search", "transcribe", "read_image", "files", "compute", "ask", "summarize",
             "translate", "extract"]  # fmt: skip
    tools = equip(named, tmp_path)
    store = open_store(tmp_path / "store", sync="process")
    media = {name: data / file for name, file in SEED_MEDIA.items()}
    _, schemas = read_inputs({**SEED_INPUTS, **media}, store.artifacts)
    assert len(seed_plans()) == 10
    for seed in seed_plans():
        scope = scope_of(Plan(inputs=schemas), tools)
        patches, problems = parse_program(seed.plan, tools, scope.plan)
        assert problems == [], seed.task
        for patch in patches:
            checked = check_patch(scope, patch)
            assert checked.accepted, (seed.task, [str(one) for one in checked.problems])
            scope = checked.scope


async def test_the_embedding_model_finds_the_seed_that_serves() -> None:
    memory = Episodes(MemoryJournal(), embedder=MiniLM())
    task = "Translate the contract and store the translated text in a file."
    found = await recalled(memory, task)
    assert found[0] == "Translate the letter and save the translation." and len(found) <= 2
    assert await recalled(memory, "Why is the sky blue?") == []
