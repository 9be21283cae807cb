"""The scheduler: nodes in, outcomes out, each as soon as what it needs is there.

Dataflow without barriers or polling: what ends releases what waited for it, and only that. Which
node is next is decided in `dataflow` and `queue`, which know no clock and no tasks; this module
starts the tasks and writes what happens to the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agentkit.decisions import Approver, Decision, Question, Rule
from agentkit.engine.alarm import Alarm
from agentkit.engine.asked import Asked, nobody
from agentkit.engine.build import Builder, in_order
from agentkit.engine.call import Cache, Caller
from agentkit.engine.context import Record
from agentkit.engine.dataflow import Dataflow
from agentkit.engine.expand import Link, gathered
from agentkit.engine.instant import instant
from agentkit.engine.item import Element, Item
from agentkit.engine.lane import lanes
from agentkit.engine.limits import Limits
from agentkit.engine.notes import Notes
from agentkit.engine.place import Places
from agentkit.engine.purse import Purse, cost_of
from agentkit.engine.queue import Queue
from agentkit.engine.standstill import Standstill
from agentkit.engine.tasks import Tasks
from agentkit.engine.watch import Watches
from agentkit.errors import EvaluationError, LimitReached, RunCancelled, RunPaused
from agentkit.outcome import CUT_OFF, TAKEN_OUT, Failure, Outcome, outcome_to_json
from agentkit.plan.graph import Call, Map, Node, Patch
from agentkit.state import RunState, owner
from agentkit.tool import Tool
from agentkit.types import Json

if TYPE_CHECKING:
    from agentkit.protocols import ArtifactStore, Model

CANCELLED = Outcome("cancelled", failure=Failure("Cancelled", "stopped before it ended"))


class Scheduler:
    """Runs the nodes that it is given, each once what it needs has ended.

    Use it as an async context manager: leaving the block cancels what still runs. `tools` by name;
    `record` appends an event, and `await barrier()` returns when what was recorded is durable;
    `state` is the run's, as its journal stands: a finished node is not run again, a `once` call
    with an intent and no receipt ends in doubt, one that was answered keeps its value, and what was
    decided counts. `model` gives the model for the calls of a node. Calls that the `rules` or their
    tools want approved wait, and `ask` is asked about all of them once nothing else can go on.
    `purse` holds the run's budget: a call that does not fit into what is left waits until others
    are settled. `cache` keeps results of pure tools; `estimate` gives a call's seconds, else its
    tool's `expected_s` counts. `await pace(node)` returns when a call may begin, `pace(None)` when
    whoever waits for nodes that have ended may go on. Raises `UsageError` for a tool that needs
    more of a resource than `limits` has.
    """

    def __init__(
        self,
        *,
        tools: Mapping[str, Tool],
        record: Record,
        artifacts: ArtifactStore,
        state: RunState,
        barrier: Callable[[], Awaitable[None]] | None = None,
        model: Callable[[str], Model] | None = None,
        rules: Sequence[Rule] = (),
        ask: Approver = nobody,
        limits: Limits | None = None,
        purse: Purse | None = None,
        cache: Cache | None = None,
        estimate: Callable[[Call], float] | None = None,
        pace: Callable[[str | None], Awaitable[None]] | None = None,
    ) -> None:
        limits = limits or Limits()
        self._notes = Notes(record, self._fail, self._runs)
        self._note = self._notes.note
        self._values: dict[str, Json] = dict(state.inputs)
        self._purse, bounds = purse, lanes(tools, limits, purse)
        self._queue = Queue(bounds.values(), lambda: self._loop.time())
        self._tasks = Tasks()
        self._places = Places(freed=self._freed)
        self._build = Builder(tools, bounds, limits, self._values, estimate)
        self._known, self._outcomes = dict(state.outcomes), dict(state.outcomes)
        self._flow, self._watches, self._pace = Dataflow(), Watches(), pace
        self._error: BaseException | None = None
        self._stopped, self._running, self._alarm = False, 0, Alarm(self._pump)
        self._asked = Asked(self._note, ask, state)
        self._still = Standstill(self._queue, self._flow, self._asked, purse)
        self._caller = Caller(
            run=state.run, task=state.task, record=self._notes.must, barrier=barrier or _nothing,
            progress=self._notes.progress, artifacts=artifacts, model=model, limits=limits,
            intents=dict(state.intents), effects=dict(state.effects), cache=cache,
            places=self._places, rules=tuple(rules), decisions=self._asked.decisions, purse=purse,
        )  # fmt: skip

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._notes.open()
        if self._purse is not None:
            self._purse.open(self._pump)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stop()
        try:
            await self._tasks.close()
        finally:
            await self._places.close()
        if error is None and self._error is not None:
            raise self._error

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """How nodes, elements of maps and their calls ended, by id; those known before included."""
        return self._outcomes

    def add(self, nodes: Iterable[Node]) -> None:
        """Nodes that run as soon as what they need has ended; they may need one another.

        Raises `LimitReached`, and `UsageError` for an unknown tool or name or an id bound twice;
        the nodes before it stay.
        """
        self._check()
        try:
            for node, wanted in in_order(list(nodes)):
                self._link(self._build.item(node, wanted, self._flow.items))
        finally:
            self._pump()
        self._check()

    def remove(self, names: Iterable[str], *, anew: Iterable[str] = ()) -> Sequence[Node]:
        """Forget nodes and all that needs them, as if they had never been; running ones are
        cancelled, and in doubt where they are effects, except those that are to run `anew`.
        Returns the nodes that went with the named ones, for whoever adds them again.

        Raises `UsageError` for an unknown name.
        """
        chosen = dict.fromkeys(names)  # their ends are recorded in this order
        gone = self._flow.users_of([self._flow.item(name) for name in chosen])
        gone += [child for item in gone for child in item.children or ()]
        for item in gone:
            doubt = item.id in self._caller.intents and owner(item.id) in {*chosen} - {*anew}
            self._cancel(item, TAKEN_OUT if doubt else CANCELLED)
            self._values.pop(item.id, None)
        self._forget({item.id for item in gone})
        self._flow.remove(gone)
        self._asked.forget(gone)
        self._watches.ended(item.id for item in gone)
        self._pump()
        return [
            item.node
            for item in gone
            if not isinstance(item.node, Element) and not item.element and item.id not in chosen
        ]

    def _forget(self, names: set[str]) -> None:
        """Also the elements of a map that had ended before a resume: they are no items here."""
        for known in (self._outcomes, self._known):
            for name in [each for each in known if each in names or owner(each) in names]:
                del known[name]

    def patch(self, patch: Patch, cut_off: Iterable[str] = ()) -> None:
        """Apply a change of the plan; what needs a replaced node runs anew. Raises as `add`.

        Nodes that it cut off from the answer are cancelled, unless they have ended, or are effects
        that have begun, or such effects need them.
        """
        anew = [node.id for node in patch.replace]
        again = self.remove([*patch.remove, *anew], anew=anew) if patch.remove or anew else ()
        new = {node.id for node in patch.add}
        self.add((*patch.replace, *patch.add, *(node for node in again if node.id not in new)))
        begun, names = {owner(name) for name in self._caller.intents}, list(cut_off)
        kept = self._flow.open_below(name for name in names if name in begun)
        lost = [self._flow.item(name) for name in names if name not in kept]
        lost += [child for item in lost for child in item.children or ()]
        for item in lost:
            self._cancel(item, CUT_OFF)
        self._asked.forget(lost)
        self._watches.ended(item.id for item in lost)
        self._pump()

    def cancel(self) -> None:
        """Start nothing more, and cancel what runs; whoever waits gets `RunCancelled`."""
        self._stop()

    async def settled(self, names: Iterable[str] | None = None) -> None:
        """Returns when all nodes have ended, or these and what they need.

        Raises `StoreError` where the journal failed, `RunCancelled` after `cancel`, and `RunPaused`
        where only calls are left that wait for somebody's decision.
        """
        names = None if names is None else list(names)
        while True:
            self._check()
            pending = None if names is None else self._flow.open_below(names)
            if not (self._flow.open if pending is None else pending):
                if self._still.paused is not None and not self._running:
                    raise self._still.paused
                return
            if self._still.reached(self._running):
                await self._decide()
            else:
                await self._watches.wait(pending)
                if self._pace is not None:
                    await self._pace(None)

    async def decision(self, question: Question) -> Decision:
        """What is decided about the run itself, asked once all that was added has ended.

        Raises `RunPaused` where nobody decides now, and what `settled` raises.
        """
        await self.settled()
        return await self._asked.about_run(question)

    async def pause(self, error: RunPaused) -> None:
        """Start nothing more, wait for what runs, and raise the error."""
        self._still.paused = self._still.paused or error
        await self.settled()
        raise error

    async def _decide(self) -> None:
        for item in await self._still.overcome():
            self._queue.put(item)
        self._pump()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._stopped:
            raise RunCancelled("the run was cancelled; resume it to go on")

    def _link(self, link: Link) -> None:
        item = link.item
        known = self._known.get(item.id)
        skipped = self._flow.add(item, link.needs, known)
        if known is not None:
            self._settle(item, known)
            if isinstance(item.node, Call) and known.attempts:
                self._caller.count_known(item, item.node, self._build.tool(item.node))
        elif skipped:
            self._note_end(item)
        else:
            self._queue.note(item)

    def _pump(self) -> None:
        """Start whatever may start, and do what takes no time."""
        ready, queue = self._flow.ready, self._queue
        while not self._stopped and self._still.paused is None:
            while ready and not self._stopped:
                item = ready.popleft()
                if item.lane is not None:
                    queue.put(item)
                else:
                    self._at_once(item)
            next_call = queue.take()
            if next_call is None:
                break
            self._start(next_call)
        self._watches.wake(all_ended=not self._flow.open, stuck=self._still.reached(self._running))
        self._alarm.set(None if self._stopped else self._queue.wake_at)

    def _start(self, item: Item) -> None:
        assert isinstance(item.node, Call)
        run = self._run(item, item.node, self._build.tool(item.node))
        self._running += 1
        item.task = self._tasks.spawn(run, partial(self._ended, item))

    async def _run(self, item: Item, node: Call, tool: Tool) -> None:
        if self._pace is not None:
            await self._pace(item.id)
        end = await self._caller.call(item, node, tool)
        if item.outcome is None:  # else it was cancelled, and this comes too late
            if isinstance(end, Outcome):
                self._end(item, end)
            else:
                self._asked.wait(item, end)
        self._leave(item)

    def _ended(self, item: Item, task: asyncio.Task[None]) -> None:
        """A call's task is over that was cancelled, or could not write: it has said nothing."""
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, RunPaused):
                self._still.paused = self._still.paused or error
                self._cancel(item)  # it is made again when the run goes on
            else:
                self._fail(error)
        if item.outcome is None:
            self._end(item, CANCELLED)
        self._leave(item)

    def _leave(self, item: Item) -> None:
        """A call is over: its places are free, and others may start."""
        assert item.task is not None
        self._tasks.forget(item.task)
        item.task = None
        self._flow.left(item)
        self._running -= 1
        if self._purse is not None and item.begun and item.outcome is not None:
            assert isinstance(item.node, Call)
            item.cost = cost_of(self._build.tool(item.node), item.outcome)
        if not item.lingering:
            self._queue.release(item)
        self._pump()

    def _freed(self, item: Item) -> None:
        """An abandoned thread of this call has ended: its places were still taken."""
        if item.task is None and not item.lingering:
            self._queue.release(item)
            self._pump()

    def _at_once(self, item: Item) -> None:
        node = item.node
        assert not isinstance(node, Call)
        if not isinstance(node, Map):
            self._end(item, instant(node, item.scope))
        elif item.children is None:
            self._expand(item, node)
        else:
            elements = [child for child in item.children if isinstance(child.node, Element)]
            self._end(item, gathered(elements, self._loop.time() - item.began))

    def _expand(self, item: Item, node: Map) -> None:
        try:
            links = self._build.elements(item, node)
        except (EvaluationError, LimitReached) as error:
            self._end(item, Outcome("failed", failure=Failure(type(error).__name__, str(error))))
            return
        elements = [link.item for link in links if isinstance(link.item.node, Element)]
        self._note("node.started", item.id, {"tool": None, "args": {}, "elements": len(elements)})
        item.state, item.begun, item.began = "running", True, self._loop.time()
        item.children = [link.item for link in links]
        item.tolerant, item.estimate = True, 0.0
        for link in links:
            self._link(link)
        self._flow.link(item, elements)
        if item.waits == 0:
            self._flow.ready.append(item)

    def _end(self, item: Item, outcome: Outcome) -> None:
        skipped = self._flow.end(item, outcome)
        self._note_end(item)
        for each in skipped:
            self._note_end(each)

    def _note_end(self, item: Item) -> None:
        assert item.outcome is not None
        self._note("node.ended", item.id, outcome_to_json(item.outcome))
        if item.receipt is not None:
            # After the outcome: a journal cut between the two must not look as if neither were.
            self._note("effect.receipt", item.id, {"key": item.receipt})
        self._settle(item, item.outcome)

    def _settle(self, item: Item, outcome: Outcome) -> None:
        self._outcomes[item.id] = outcome
        if item.name is not None and outcome.ok:
            item.scope[item.name] = outcome.value
        self._watches.ended((item.id,))

    def _cancel(self, item: Item, end: Outcome = CANCELLED) -> None:
        """Record a started item as cancelled now; what its tool may still return is dropped."""
        if item.outcome is not None:
            return
        self._flow.drop(item, end)
        if item.begun or end is not CANCELLED:
            self._note_end(item)
        if item.task is not None:
            item.task.cancel()

    def _stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        self._queue.forget()
        self._alarm.set(None)
        for item in list(self._flow.items.values()):
            if item.state == "running":
                self._cancel(item)
        self._watches.stop(self._error or RunCancelled("the run was cancelled"))

    def _runs(self, name: str) -> bool:
        return (item := self._flow.items.get(name)) is not None and item.outcome is None

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self._stop()


async def _nothing() -> None:
    """The barrier of a journal that keeps nothing."""
