"""The agent: a model, tools and rules that turn tasks into runs."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import typing_extensions

from agentkit.begin import Begun, begin, begin_again, begin_fork, stored
from agentkit.budget import Budget
from agentkit.carry_on import Equipment, carry_on, draft
from agentkit.decisions import Approver, Rule, require_rules
from agentkit.engine.limits import Limits
from agentkit.equip import equip
from agentkit.errors import UsageError
from agentkit.events import Event
from agentkit.given import require_kind, require_list
from agentkit.inputs import read_inputs
from agentkit.models.profile import usd_per_token
from agentkit.plan.draft import Draft
from agentkit.plan.graph import Plan
from agentkit.plan.worst import WorstCase, worst_case
from agentkit.protocols import Clock, Memory, Model, Planner, Toolset
from agentkit.replay.replay import Replayed, replay
from agentkit.run import Run
from agentkit.store import Store, local_folder, open_store
from agentkit.subagent import agent_tool, require_bounded, tool_names
from agentkit.tool import Tool
from agentkit.types import Json

Output = typing_extensions.TypeVar("Output", default=str)
Result = TypeVar("Result")


def new_run_id() -> str:
    """A run id that sorts by time: `20261123-091502-3f9a1c0b72e4`."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(6)}"


@dataclass(frozen=True, kw_only=True)
class Agent(Generic[Output]):
    """An agent: what it thinks with, what it may use, where its runs are kept.

    `tools` are plain typed functions, `Tool`s, names of built-in ones, toolsets, or other agents;
    `output` the type of the answer (text by default); `store` a folder, `"memory"`, a
    `postgresql://` URL, or an open `Store`; `artifacts` the folder for files where it is not to be
    the store's own; `origin`, as `file.py:name`, is where `agentkit resume` and workers find this
    agent again.
    `approve` are rules that say which calls somebody must allow; `approver` is asked about them,
    else the run pauses. It pauses as well where its `budget` allows nothing more; resumed with a
    larger one, it goes on.

        >>> from agentkit import Agent
        >>> from agentkit.testing import ScriptedModel
        >>> def double(n: int) -> int:
        ...     "Twice the number."
        ...     return 2 * n
        >>> model = ScriptedModel(replies=["twice = double(n=21)\\nanswer(f'It is {twice}.')"])
        >>> Agent(model=model, tools=[double], store="memory").run_sync("What is twice 21?").answer
        'It is 42.'
    """

    model: str | Model = "local:"
    tools: Sequence[str | Tool[..., Any] | Callable[..., Any] | Toolset | Agent[Any]] = ()
    planner: Planner | Literal["program", "tool_calls"] = "program"
    output: type[Output] | None = None
    memory: Sequence[Memory] = ()
    limits: Limits = field(default_factory=Limits)
    approve: Sequence[Rule] = ()
    approver: Approver | None = None
    budget: Budget | None = None
    store: str | Path | Store = ".agentkit"
    artifacts: str | Path | None = None
    instructions: str = ""
    name: str = "agent"
    origin: str = ""
    clock: Clock = time.time
    new_id: Callable[[], str] = new_run_id

    def __post_init__(self) -> None:
        require_list(self.tools, "tools")
        require_list(self.approve, "approve")
        require_list(self.memory, "memory")
        require_kind(self.limits, Limits, "limits=")
        require_kind(self.instructions, str, "instructions=")
        if self.budget is not None:
            require_kind(self.budget, Budget, "budget=")

    async def run(
        self, task: str, *, inputs: Mapping[str, object] | None = None, session: str | None = None
    ) -> Run[Output]:
        """The finished run. Raises `UsageError` before anything starts, `RunError` after.

        `inputs` are values that the plan may use by name; a `Path` is a file's content.
        `session` names a conversation that the memory carries on.
        """
        async with self._opened() as store:
            begun = await self._begin(store, task, inputs or {}, session)
            return await carry_on(*begun)

    def run_sync(
        self, task: str, *, inputs: Mapping[str, object] | None = None, session: str | None = None
    ) -> Run[Output]:
        """`run`, waited for; it also works where an event loop is already running."""
        return wait_for(self.run(task, inputs=inputs, session=session))

    async def stream(
        self, task: str, *, inputs: Mapping[str, object] | None = None, session: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """The run's events as they come: the tail of its journal. Closing it cancels the run."""
        async with self._opened() as store:
            begun = await self._begin(store, task, inputs or {}, session)
            async with aclosing(_followed(store, begun)) as events:
                async for event in events:
                    yield event

    async def submit(
        self,
        task: str,
        *,
        inputs: Mapping[str, object] | None = None,
        session: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """The id of a run that the store's workers carry on: `agentkit worker`.

        It is durable when this returns, and begins with the next free worker, not before `at`,
        which must say its time zone: `datetime(2026, 12, 24, 18, tzinfo=ZoneInfo("Europe/Prague"))`
        or, by this machine's own, `datetime(2026, 12, 24, 18).astimezone()`. Raises `UsageError`
        where no worker could find this agent or the run, `StoreError` where it cannot be stored.
        """
        if not self.origin:
            raise UsageError(
                "workers find an agent by its origin: give it one, Agent(origin='FILE.py:NAME')"
            )
        async with self._opened() as store:
            if store.queue is None:
                raise UsageError("no worker sees a store in memory: give the agent another store")
            placed: dict[str, Json] = {"submitted": True}
            if at is not None:
                placed["wake_at"] = _seconds(at)
            begun = await self._begin(store, task, inputs or {}, session, **placed)
            run = begun[1].run
            return run

    async def resume(self, run: str) -> Run[Output]:
        """The run of this id, carried on to its end; nothing that ended is done again."""
        async with self._opened() as store:
            return await carry_on(*await self._begin_again(store, run))

    async def stream_resumed(self, run: str) -> AsyncGenerator[Event, None]:
        """`resume` as a stream of events, from the run's first one on."""
        async with self._opened() as store:
            begun = await self._begin_again(store, run)
            async with aclosing(_followed(store, begun)) as events:
                async for event in events:
                    yield event

    async def fork(
        self,
        run: str,
        node: str,
        *,
        args: Mapping[str, Json] | None = None,
        tool: str | None = None,
    ) -> Run[Output]:
        """A new run that shares everything with the old one but this node and what depends on it.

        The node gets other arguments (those named in `args`) or another tool; then it, what needs
        it, and the answer are made anew, with this agent's model. The old run stays as it is.
        Raises `UsageError` where the changed plan would be refused, `RunError` as `run` does.
        """
        async with self._opened() as store:
            return await carry_on(*await self._begin_fork(store, run, node, args or {}, tool))

    async def stream_forked(
        self,
        run: str,
        node: str,
        *,
        args: Mapping[str, Json] | None = None,
        tool: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """`fork` as a stream of events, from the new run's first one on."""
        async with self._opened() as store:
            begun = await self._begin_fork(store, run, node, args or {}, tool)
            async with aclosing(_followed(store, begun)) as events:
                async for event in events:
                    yield event

    async def events(self, run: str) -> Sequence[Event]:
        """The events of a run in the store, as they are now. Raises `UsageError` without any."""
        async with self._opened() as store:
            return await stored(store, run)

    async def replay(self, run: str | Sequence[Event]) -> Replayed:
        """Executes a run's journal again with no outside call: no tool, no model.

        `run` is its id in the store, or its events. Raises `Diverged` where this agent would
        decide anything otherwise than the run did: the first such event, with both sides.

            >>> from agentkit import Agent
            >>> from agentkit.planners import Fixed
            >>> from agentkit.store import open_store
            >>> from agentkit.testing import ScriptedModel
            >>> planner, store = Fixed("n = 6 * 7\\nanswer(f'{n}')"), open_store("memory")
            >>> agent = Agent(model=ScriptedModel(), planner=planner, store=store)
            >>> run = agent.run_sync("What is six times seven?")
            >>> wait_for(agent.replay(run.id)).events
            5
        """
        async with self._opened() as store:
            events = await stored(store, run) if isinstance(run, str) else run
            return await replay(self.equipment(store), events)

    def as_tool(
        self,
        *,
        name: str = "",
        description: str = "",
        inputs: Mapping[str, Any] | None = None,
        approve: bool | Callable[[Mapping[str, Json]], bool] = False,
    ) -> Tool[..., Any]:
        """A tool that hands a task to this agent, each call a run of its own in the caller's store.

        `inputs` are further parameters, by name, with their types. Raises `UsageError`.
        """
        require_bounded(self)
        return agent_tool(
            self,
            self.equipped(self._folder()),
            name=name or self.name,
            description=description,
            inputs=inputs or {},
            approve=approve,
        )

    async def plan(self, task: str, *, inputs: Mapping[str, object] | None = None) -> Draft:
        """What the agent would do: its checked plan and what is wrong with it. Runs no tool; a
        notebook shows the plan drawn."""
        async with self._opened() as store:
            _, schemas = read_inputs(inputs or {}, store.artifacts)
            return await draft(self.equipment(store), task, Plan(inputs=schemas))

    async def worst_case(self, plan: Plan) -> WorstCase:
        """What the plan would cost at worst, its tools and what they ask the model."""
        async with self._opened() as store:
            return worst_case(
                plan,
                self.equipped(store.folder),
                most_nodes=self.limits.nodes,
                usd_per_token=usd_per_token(self._model.profile),
            )

    async def _begin(
        self,
        store: Store,
        task: str,
        inputs: Mapping[str, object],
        session: str | None,
        **more: Json,
    ) -> Begun[Output]:
        """All that can be wrong before anything has run; then the run's first event."""
        equipment = self.equipment(store)
        values, schemas = read_inputs(inputs, store.artifacts)
        known: dict[str, Json] = {
            name: {"schema": dict(schemas[name]), "value": values[name]} for name in values
        }
        run, clock = self.new_id(), self.clock
        return await begin(equipment, run, clock, task, known, session=session, **more)

    async def _begin_again(self, store: Store, run: str) -> Begun[Output]:
        return await begin_again(self.equipment(store), run, self.clock)

    async def _begin_fork(
        self, store: Store, run: str, node: str, args: Mapping[str, Json], tool: str | None
    ) -> Begun[Output]:
        events, equipment = await stored(store, run), self.equipment(store)
        new = self.new_id()
        return await begin_fork(equipment, events, new, self.clock, node, args=args, tool=tool)

    def equipment(self, store: Store) -> Equipment[Output]:
        """What this agent brings to a run in the store, its names resolved. Raises `UsageError`."""
        return Equipment(
            model=self._model,
            tools=self.equipped(store.folder),
            planner=self._planner,
            output=self.output,
            memory=self.memory,
            limits=self.limits,
            store=store,
            instructions=self.instructions,
            name=self.name,
            origin=self.origin,
            approve=self.approve,
            approver=self.approver,
            budget=self.budget,
        )

    @cached_property
    def _model(self) -> Model:
        from agentkit.models import model

        return model(self.model)

    @cached_property
    def _planner(self) -> Planner:
        from agentkit.planners import planner

        return planner(self.planner)

    def equipped(self, folder: Path) -> dict[str, Tool[..., Any]]:
        """Its tools by name, agents among them too; `folder` is the store's. Raises `UsageError`
        where two have one name, an agent is its own tool, or a rule of approval names none."""
        found = self._equipped.get(folder)
        if found is None:
            require_bounded(self)
            given = [one.as_tool() if isinstance(one, Agent) else one for one in self.tools]
            found = equip(given, folder)
            require_rules(self.approve, self.tools, tool_names(found, folder))
            self._equipped[folder] = found
        return dict(found)

    @cached_property
    def _equipped(self) -> dict[Path, dict[str, Tool[..., Any]]]:
        """Made once for a store's folder: so the calls of all its runs meet where tools batch."""
        return {}

    def _folder(self) -> Path:
        return self.store.folder if isinstance(self.store, Store) else local_folder(self.store)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[Store]:
        if isinstance(self.store, Store):
            yield self.store
            return
        store = open_store(self.store, artifacts=self.artifacts)
        try:
            yield store
        finally:
            await store.close()


def _seconds(at: datetime) -> float:
    """Since the epoch. Raises `UsageError` where no time zone says which moment is meant."""
    if at.utcoffset() is None:
        raise UsageError(
            f"expected a time with its time zone; got {at.isoformat()}: give it one (tzinfo=…), or "
            "say at.astimezone() where this machine's is meant"
        )
    return at.timestamp()


async def _followed(store: Store, begun: Begun[Any]) -> AsyncGenerator[Event, None]:
    """The run's events until it ends; then its error, if it had one, is raised.

    The run has begun: its tail cannot miss the first event, nor end at a former `run.ended`.
    """
    _, recorder = begun
    work = asyncio.create_task(carry_on(*begun))
    try:
        async with aclosing(store.journal.tail(recorder.run, by=recorder.writer)) as events:
            async for event in events:
                yield event
        await work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result; in a thread of its own where a loop is already running here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(copy_context().run, asyncio.run, work).result()
