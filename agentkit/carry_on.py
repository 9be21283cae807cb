"""Carries a run on from the state that its journal holds to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, cast

from typing_extensions import TypeVar

from agentkit.admission import Admission
from agentkit.answer import make_answer
from agentkit.budget import Budget
from agentkit.decisions import Approver, Rule
from agentkit.drive import Ended, Planning, drive
from agentkit.engine.asked import nobody
from agentkit.engine.limits import Limits
from agentkit.engine.purse import Purse
from agentkit.engine.scheduler import Scheduler
from agentkit.engine.share import Share
from agentkit.errors import LimitReached, RunError, RunPaused, StoreError
from agentkit.models.profile import usd_per_token
from agentkit.plan.draft import Draft
from agentkit.plan.graph import Patch, Plan
from agentkit.plan.problem import problem_from_json
from agentkit.plan.source import to_source
from agentkit.protocols import Memory, Model, Planner, Recalled
from agentkit.recalled import recalled_to_json
from agentkit.record import RecordedModel, Recorder
from agentkit.run import Run
from agentkit.state import RunState
from agentkit.store import Store
from agentkit.tool import Tool
from agentkit.types import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Output = TypeVar("Output", default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment(Generic[Output]):
    """What an agent brings to a run, resolved: names are models, planners and tools by now.

    `around` are the budgets of the runs that this one is a call of. `pace` and `time_limit` are
    there for a replay, where the journal says when something happens.
    """

    model: Model
    tools: Mapping[str, Tool]
    planner: Planner
    output: type[Output] | None
    memory: Sequence[Memory]
    limits: Limits
    store: Store
    instructions: str
    name: str = "agent"
    origin: str = ""
    approve: Sequence[Rule] = ()
    approver: Approver | None = None
    budget: Budget | None = None
    around: Sequence[Share] = ()
    pace: Callable[[str | None], Awaitable[None]] | None = None
    time_limit: Callable[[float | None], asyncio.Timeout] = asyncio.timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a run offers to the runs that its calls are. Approval `rules` hold in them too."""

    store: Store
    rules: Sequence[Rule]
    model: Callable[[str, Model], Model]
    """A model of theirs, journaled under a node of this run and paid from its budget."""
    shares: Callable[[str], Sequence[Share]]
    """The budgets that a node's calls are paid from, this run's first: whoever takes from several
    takes them in this order, and so nobody waits for another in a ring."""


async def carry_on(equipment: Equipment[Output], recorder: Recorder) -> Run[Output]:
    """The finished run. Whatever ends it, the journal's last event says so."""
    state = recorder.state()
    if state.status != "answered":
        with _live(recorder, equipment.store):
            async with _ending(recorder):
                await _to_the_answer(equipment, recorder, state)
        state = recorder.state()
        await _remember(equipment, recorder.run, state)
    return _finished(equipment, recorder.run, state)


@contextmanager
def _live(recorder: Recorder, store: Store) -> Generator[None]:
    """The run goes on with this store, and nobody else begins with it there, until the block ends;
    nothing is recorded afterwards."""
    store.live.add(recorder.run)
    try:
        yield
    finally:
        recorder.close()
        store.live.discard(recorder.run)


@asynccontextmanager
async def _ending(recorder: Recorder) -> AsyncGenerator[None]:
    """Records how the run ended where it did not come to an answer."""
    try:
        yield
    except asyncio.CancelledError:
        recorder.record("run.ended", data={"status": "cancelled", "error": "the run was cancelled"})
        raise
    except RunPaused as error:
        error.run_id = recorder.run
        recorder.record("run.ended", data={"status": "paused", "error": str(error)})
        raise
    except StoreError as error:
        # Where it is the journal that failed this raises as well: then nothing says how it ended.
        error.run_id = recorder.run
        paused = {"status": "paused", "error": str(error), "kind": StoreError.__name__}
        recorder.record("run.ended", data=paused)
        raise
    except (KeyboardInterrupt, GeneratorExit):
        raise  # as if its process had been killed
    except BaseException as error:
        # Also what nobody foresaw (a user's planner or model): followers wait for this event.
        if isinstance(error, RunError):
            error.run_id = recorder.run
        failed = {"status": "failed", "error": str(error), "kind": type(error).__name__}
        recorder.record("run.ended", data=failed)
        raise
    finally:
        await recorder.flush()


async def _to_the_answer(equipment: Equipment[Any], recorder: Recorder, state: RunState) -> None:
    purse = _purse(equipment, state)
    model = RecordedModel(equipment.model, recorder, purse=purse)
    planning = await _planning(equipment, recorder, state, model)
    planning.admission = _admission(equipment, state, purse)
    limits, left_s = equipment.limits, purse.left_s if purse else None
    bounds = [seconds for seconds in (limits.seconds, left_s) if seconds is not None]
    limit = equipment.time_limit(min(bounds, default=None))
    try:
        async with limit, _scheduler(equipment, recorder, state, purse) as nodes:
            await drive(planning, nodes, cast("Ended | None", state.turn_ended))
            made = await make_answer(
                task=state.task,
                plan=planning.plan,
                inputs=state.inputs,
                outcomes=nodes.outcomes,
                model=model,
                output=type_of(equipment.output),
                instructions=equipment.instructions,
                show=lambda text: recorder.record("answer.text", data={"text": text}),
            )
    except TimeoutError:
        if not limit.expired():
            raise  # a planner's or a model's own
        if purse is not None and left_s == min(bounds):
            raise purse.reached("seconds", "what is not done yet") from None
        raise LimitReached("seconds", limits.seconds or 0, limits.seconds or 0) from None
    answered: dict[str, Json] = {
        "status": "answered",
        "answer": made.text,
        "output": made.data,
        "cites": [*made.cites],
    }
    recorder.record("run.ended", data=answered)


def type_of(output: type[Any] | None) -> TypeAdapter[Any] | None:
    """What reads and describes a typed answer; None for plain text."""
    if output is None:
        return None
    from pydantic import TypeAdapter

    return TypeAdapter(output)


def _purse(equipment: Equipment[Any], state: RunState) -> Purse | None:
    if equipment.budget is None and not equipment.around:
        return None
    budget, price = equipment.budget or Budget(), usd_per_token(equipment.model.profile)
    return Purse(budget, state.spent, usd_per_token=price, around=equipment.around)


def _admission(
    equipment: Equipment[Any], state: RunState | None = None, purse: Purse | None = None
) -> Admission | None:
    if equipment.budget is None:
        return None
    return Admission(
        budget=equipment.budget,
        tools=equipment.tools,
        limits=equipment.limits,
        inputs={} if state is None else state.inputs,
        usd_per_token=usd_per_token(equipment.model.profile),
        purse=purse,
    )


def _scheduler(
    equipment: Equipment[Any], recorder: Recorder, state: RunState, purse: Purse | None
) -> Scheduler:
    store = equipment.store
    around = Around(
        store=store,
        rules=equipment.approve,
        model=lambda node, model: RecordedModel(model, recorder, node, purse),
        shares=lambda node: [*([Share(purse, node)] if purse else []), *equipment.around],
    )
    return Scheduler(
        state=state,
        tools={
            name: tool if tool.nested is None else replace(tool, function=tool.nested(around))
            for name, tool in equipment.tools.items()
        },
        record=recorder.record,
        barrier=recorder.flush,
        artifacts=store.artifacts,
        model=lambda node: RecordedModel(equipment.model, recorder, node, purse),
        rules=equipment.approve,
        ask=equipment.approver or nobody,
        limits=equipment.limits,
        purse=purse,
        cache=store.journal,
        pace=equipment.pace,
    )


async def _planning(
    equipment: Equipment[Any], recorder: Recorder, state: RunState, model: Model
) -> Planning:
    recalled = await _recalled(equipment, recorder, state)
    refusals = [refusal for refusal in state.refusals if refusal.turn == state.turn - 1]
    return Planning(
        task=state.task,
        planner=equipment.planner,
        model=model,
        tools=equipment.tools,
        recorder=recorder,
        limits=equipment.limits,
        plan=state.plan,
        recalled=recalled,
        instructions=equipment.instructions,
        turn=state.turn,
        repairs=state.repairs,
        told=set(state.told),
        grew=state.turn_grew,
        began=state.turn_plan,
        done=state.turn_patches,
        problems=[problem_from_json(each) for refusal in refusals for each in refusal.problems],
        refused=[refusal.source for refusal in refusals if refusal.source],
    )


async def _recalled(equipment: Equipment[Any], recorder: Recorder, state: RunState) -> Recalled:
    found = [await one.recall(state.task, session=state.session) for one in equipment.memory]
    recalled = Recalled(
        history=[turn for one in found for turn in one.history],
        examples=[example for one in found for example in one.examples],
    )
    if recalled.history or recalled.examples:
        recorder.record("memory.recalled", data=recalled_to_json(recalled))
    return recalled


async def _remember(equipment: Equipment[Any], run: str, state: RunState) -> None:
    """Of a memory that fails the others hear nothing, and the run stays answered: it is only told.
    A resumed run does not try again: no event says what was stored, and twice is worse than never.
    """
    if not equipment.memory:
        return
    failed = any(
        end.status == "failed" for name, end in state.outcomes.items() if name in state.plan.nodes
    )
    plan = "" if failed else to_source(state.plan)  # a step that failed is no example
    failures: list[Exception] = []
    for memory in equipment.memory:
        try:
            await memory.store(
                state.task, session=state.session, plan=plan, answer=state.answer or ""
            )
        except Exception as error:  # noqa: BLE001 - the memory's boundary, which is the user's
            failures.append(error)
    if failures:
        said = "; ".join(f"{type(error).__name__}: {error}" for error in failures)
        message = f"run {run} is answered (agentkit show {run}), but not kept in memory: {said}"
        kind = StoreError if isinstance(failures[0], StoreError) else RunError
        told = kind(message)
        told.run_id = run
        raise told from failures[0]


def _finished(equipment: Equipment[Output], run: str, state: RunState) -> Run[Output]:
    output: Any = state.answer
    if (adapter := type_of(equipment.output)) is not None:
        output = adapter.validate_json(json.dumps(state.output))
    return Run(
        id=run,
        task=state.task,
        answer=state.answer or "",
        output=output,
        plan=state.plan,
        outcomes=state.outcomes,
        usage=state.usage,
        spent=state.spent,
        cites=state.cites,
    )


async def draft(equipment: Equipment[Any], task: str, plan: Plan) -> Draft:
    """The checked plan that the planner proposes for the task, with what was refused last."""
    from agentkit.journal.memory import MemoryJournal

    recorder = Recorder("draft", MemoryJournal(), lambda: 0.0)
    planning = Planning(
        task=task,
        planner=equipment.planner,
        model=equipment.model,
        tools=equipment.tools,
        recorder=recorder,
        limits=equipment.limits,
        plan=plan,
        instructions=equipment.instructions,
        admission=_admission(equipment),
    )

    def start(patch: Patch, lost: frozenset[str]) -> None:
        """Nothing runs while drafting."""

    for _ in range(1 + equipment.limits.repairs):
        if await planning.take_turn({}, start) != "problems":
            break
    return Draft(planning.plan, planning.problems)
