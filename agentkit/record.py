"""Writes a run's events: numbers them, stamps the time, hands them to the journal, folds them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import InitVar, asdict, dataclass, field
from threading import Lock

from agentkit.budget import Cost, amounts, cost_to_json
from agentkit.engine.purse import Purse
from agentkit.errors import BudgetReached, StoreError
from agentkit.events import TRANSIENT, Event, EventType
from agentkit.fold import Fold
from agentkit.messages import Delta, Done, Profile, Request, Text, ToolCall, Usage
from agentkit.models.profile import most_of, usage_of
from agentkit.plan.graph import Patch
from agentkit.protocols import Clock, Journal, Model
from agentkit.state import RunState, usage_to_json
from agentkit.types import Json


@dataclass(slots=True)
class Recorder:
    """Where a run's events come from, from one reading of it on: `before` are those that it has
    already. Another recorder of the run is another writer to its journal.

    Any thread may record: a sync tool may ask the model on a loop of its own. Nothing is recorded
    any more once the run has ended, or once this is closed: such a tool may not have heard of it.
    """

    run: str
    journal: Journal
    clock: Clock
    before: InitVar[Iterable[Event]] = ()
    writer: object = field(default_factory=object, init=False, repr=False, compare=False)
    """Who this is to the journal."""
    _closed: bool = field(default=False, init=False, repr=False, compare=False)
    _folded: Fold = field(default_factory=Fold, init=False, repr=False)
    _calls: Counter[str] = field(default_factory=Counter[str], init=False, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    def __post_init__(self, before: Iterable[Event]) -> None:
        for event in before:
            self._folded.note(event)
        self._calls = calls_of_models(self._folded.calls)

    def record(
        self,
        kind: EventType,
        node: str | None = None,
        data: Mapping[str, Json] | None = None,
        *,
        patch: Patch | None = None,
    ) -> None:
        """Append an event; order is kept, durability comes with the journal's next commit.

        A transient one is only shown to whoever follows the run. `patch` is one that was checked,
        and that the data was made of. Raises `StoreError` where somebody else carries the run on
        by now, where nothing can be written, and once this is closed.
        """
        kept, folded = kind not in TRANSIENT, self._folded
        with self._turn:  # an event's number is its place in the journal
            if self._closed:
                raise self._over(kind)
            seq = folded.seq + 1 if kept else 0
            event = Event(self.run, seq, float(self.clock()), kind, node, data or {})
            if kept:
                self.journal.append(event, self.writer)
                folded.note(event, patch)
                self._closed = kind == "run.ended"
            else:
                self.journal.publish(event)

    async def flush(self) -> None:
        """Returns when everything recorded so far is durable. Raises `StoreError`."""
        await self.journal.flush(self.run, self.writer)

    def close(self) -> None:
        """Nobody carries the run on from here any more: nothing more is recorded."""
        with self._turn:
            self._closed = True

    def state(self) -> RunState:
        """The run's state after what was recorded so far: no journal is read for it."""
        with self._turn:
            return self._folded.state()

    def call_of_model(self, by: str) -> str:
        """The id of the next call of a model by this node, or for this purpose."""
        with self._turn:
            self._calls[by] += 1
            return f"{by}/model_{self._calls[by]}"

    def _over(self, kind: EventType) -> StoreError:
        error = StoreError(
            f"run {self.run} does not go on here any more, so this call counts for nothing "
            f"({kind} is not recorded): it was abandoned, because its time was over or the run was "
            "stopped; give its tool a longer timeout_s if it needs one"
        )
        error.run_id = self.run
        return error


def calls_of_models(ids: Iterable[str]) -> Counter[str]:
    """The highest number of the calls of each node and purpose: a resumed run counts on.

    >>> calls_of_models(["plan/model_1", "s[0].ask_1/model_1", "plan/model_2"])
    Counter({'plan': 2, 's[0].ask_1': 1})
    """
    found: Counter[str] = Counter()
    for call in ids:
        by, _, number = call.rpartition("/model_")
        found[by] = max(found[by], int(number))
    return found


@dataclass(slots=True)
class RecordedModel:
    """A model whose calls are in the journal, under the node that made them if there is one.

    With a `purse` they wait until they fit into the run's budget, and are settled when they end.
    """

    inner: Model
    recorder: Recorder
    node: str | None = None
    purse: Purse | None = None

    @property
    def name(self) -> str:
        """The name of the model behind this one."""
        return self.inner.name

    @property
    def profile(self) -> Profile:
        """What the model behind this one can do."""
        return self.inner.profile

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The inner stream, recorded: `model.called`, text as it comes, `model.answered`.

        Raises `BudgetReached` where nothing of the budget will be left for it.
        """
        most = most_of(request, self.profile)
        if self.purse is not None:
            what = f"a call of {self.name} by {self.node or request.purpose}"
            try:
                await self.purse.reserve(self.node, amounts(most), what)
            except BudgetReached as error:
                error.owner = self.recorder.run
                raise
        started, call = self.recorder.clock(), self._called(request, most)
        came: list[Delta] = []
        cut: dict[str, Json] = {}
        try:
            async with aclosing(self.inner.stream(request)) as deltas:
                async for delta in deltas:
                    came.append(delta)
                    if isinstance(delta, Text):
                        said = {"purpose": request.purpose, "text": delta.text}
                        self.recorder.record("model.text", call, said)
                    yield delta
        except Exception as error:
            cut["error"] = _error_to_json(error)
            raise
        except BaseException:  # cancelled, or closed by who asked
            cut["left_after"] = len(came)
            raise
        finally:
            reply, usage = _reply(came, request, self.profile)
            timed = {**reply, "seconds": self.recorder.clock() - started}
            self.recorder.record("model.answered", call, timed if reply["finish"] else timed | cut)
            if self.purse is not None:
                self.purse.settle(self.node, amounts(most), amounts(_cost(usage) or most))

    def _called(self, request: Request, most: Cost) -> str:
        """Record the call; its id comes back."""
        call = self.recorder.call_of_model(self.node or request.purpose)
        called: dict[str, Json] = {
            "purpose": request.purpose,
            "model": self.name,
            "prompt_sha256": hashlib.sha256(repr(request.messages).encode()).hexdigest(),
            "most": cost_to_json(most),
        }
        self.recorder.record("model.called", call, called)
        return call


def _reply(
    came: Sequence[Delta], request: Request, profile: Profile
) -> tuple[dict[str, Json], Usage]:
    """What a model said, as `model.answered` has it, and what it used."""
    calls = [one for one in came if isinstance(one, ToolCall)]
    done = next((one for one in came if isinstance(one, Done)), None)
    text = "".join(one.text for one in came if isinstance(one, Text))
    usage = usage_of(request, profile, text, done)
    reply: dict[str, Json] = {
        "text": text,
        "finish": done.finish if done else None,
        "usage": usage_to_json(usage),
    }
    if calls:
        reply["calls"] = [asdict(call) for call in calls]
    return reply, usage


def _cost(usage: Usage) -> Cost | None:
    """None where no call is known to have been made."""
    tokens = usage.input_tokens + usage.output_tokens
    return Cost(tokens=tokens, usd=usage.cost_usd) if usage.calls else None


def _error_to_json(error: Exception) -> Json:
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "retryable": getattr(error, "retryable", False) is True,
    }
