"""Writes a run's events: numbers them, stamps the time, hands them to the journal."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from threading import Lock

from agentkit.budget import cost_to_json
from agentkit.events import TRANSIENT, Event, EventType
from agentkit.messages import Delta, Done, Profile, Request, Text
from agentkit.models.profile import most_of, usage_of
from agentkit.protocols import Clock, Journal, Model
from agentkit.state import usage_to_json
from agentkit.types import Json


@dataclass(slots=True)
class Recorder:
    """The one place where a run's events come from. `seq` is the number of the last one.

    Any thread may record: a sync tool may ask the model on a loop of its own.
    """

    run: str
    journal: Journal
    clock: Clock
    seq: int = 0
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    def record(
        self, kind: EventType, node: str | None = None, data: Mapping[str, Json] | None = None
    ) -> None:
        """Append an event; order is kept, durability comes with the journal's next commit.

        A transient one is only shown to whoever follows the run.
        """
        kept = kind not in TRANSIENT
        with self._turn:  # an event's number is its place in the journal
            self.seq += kept
            event = Event(self.run, self.seq if kept else 0, self.clock(), kind, node, data or {})
            if kept:
                self.journal.append(event)
            else:
                self.journal.publish(event)


@dataclass(slots=True)
class RecordedModel:
    """A model whose calls are in the journal, under the node that made them if there is one."""

    inner: Model
    recorder: Recorder
    node: str | None = None

    @property
    def name(self) -> str:
        """The name of the model behind this one."""
        return self.inner.name

    @property
    def profile(self) -> Profile:
        """What the model behind this one can do."""
        return self.inner.profile

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """The inner stream, recorded: `model.called`, text as it comes, `model.answered`."""
        call = f"{self.node or request.purpose}/model_{self.recorder.seq + 1}"
        recorder, started = self.recorder, self.recorder.clock()
        digest = hashlib.sha256(repr(request.messages).encode()).hexdigest()
        purpose = request.purpose
        called: dict[str, Json] = {
            "purpose": purpose,
            "model": self.name,
            "prompt_sha256": digest,
            "most": cost_to_json(most_of(request, self.profile)),
        }
        recorder.record("model.called", call, called)
        text: list[str] = []
        done: Done | None = None
        try:
            async with aclosing(self.inner.stream(request)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Text):
                        text.append(delta.text)
                        said = {"purpose": purpose, "text": delta.text}
                        recorder.record("model.text", call, said)
                    elif isinstance(delta, Done):
                        done = delta
                    yield delta
        finally:
            answered = {
                "text": "".join(text),
                "finish": done.finish if done else None,
                "usage": usage_to_json(usage_of(request, self.profile, "".join(text), done)),
                "seconds": recorder.clock() - started,
            }
            recorder.record("model.answered", call, answered)
