"""What a run has spent: a fold of its events, as its state is.

A call that was cut off counts as much as it may have cost, because nobody knows better.

    >>> from agentkit.events import Event
    >>> ledger = Ledger()
    >>> ledger.note(Event("r", 1, 0.0, "run.created"))
    >>> ledger.note(Event("r", 2, 1.0, "node.started", "a", {"tool": "t", "most": {"usd": "0.02"}}))
    >>> ledger.note(Event("r", 3, 4.0, "run.resumed"))  # it was killed in between
    >>> ledger.spent()
    Spent(tokens=0, usd=Decimal('0.02'), seconds=1.0, calls=1, unknown=frozenset())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from agentkit.budget import NOTHING, Dimension, Spent
from agentkit.events import Event

_UNSURE: tuple[Dimension, ...] = ("usd", "calls")
"""What nobody knows of a run that was cancelled within this one."""


@dataclass(slots=True)
class _Begun:
    """A call of a tool whose end has not come; `usd` is the bound of one attempt."""

    usd: Decimal | None
    nested: bool = False
    """It is a run of its own: where it was cut off it goes on, and its end tells all of it."""
    attempts: int = 1


@dataclass(slots=True)
class Ledger:
    """The sums so far, and the calls whose end is still to come, with what each costs at most."""

    tokens: int = 0
    usd: Decimal = NOTHING
    seconds: float = 0.0
    calls: int = 0
    unknown: set[Dimension] = field(default_factory=set[Dimension])
    _tools: dict[str, _Begun] = field(default_factory=dict[str, _Begun])
    _models: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    _left: set[str] = field(default_factory=set[str])
    """Runs of their own that were cancelled: where they go on, their end tells all of it."""
    _began: float | None = None
    _last: float = 0.0

    def note(self, event: Event) -> None:
        """One more event of the run."""
        if self._began is not None and event.type != "run.resumed":
            self._last = max(event.time, self._began)
        node = event.node or ""
        data: Any = event.data
        match event.type:
            case "node.started" if data.get("tool") is not None:
                most: Any = data.get("most") or {}
                usd = most.get("usd")
                self._left.discard(node)
                self._tools[node] = _Begun(None if usd is None else Decimal(usd), "run" in data)
            case "node.ended" if node in self._tools:
                begun = self._tools.pop(node)
                if begun.nested and data["status"] == "cancelled":
                    self._left.add(node)
                else:
                    self._ended(begun, data)
            case "node.asked":
                self._tools.pop(node.partition("/")[0], None)  # it has paused, and begins again
            case "node.retried" if node in self._tools:
                self._tools[node].attempts = data["attempt"] + 1
            case "model.called":
                self._models[node] = data.get("most") or {}
            case "model.answered":
                self._answered(self._models.pop(node, {}), data)
            case "run.created" | "run.resumed" | "run.ended":
                self._clock(event)
            case _:
                pass

    def spent(self) -> Spent:
        """What was spent; calls that have begun count only once they end."""
        return Spent(
            tokens=self.tokens,
            usd=self.usd,
            seconds=self.seconds + (0.0 if self._began is None else self._last - self._began),
            calls=self.calls,
            unknown=frozenset(self.unknown.union(_UNSURE if self._left else ())),
        )

    def _clock(self, event: Event) -> None:
        if self._began is not None:  # where this is no end, the process died
            self.seconds += self._last - self._began
        self._began = None if event.type == "run.ended" else event.time
        self._last = event.time
        if event.type == "run.resumed":
            self._cut_off()

    def _answered(self, most: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        usage: Mapping[str, Any] = data["usage"]
        if not usage.get("calls"):
            self._at_most(most)
            return
        self.tokens += usage["input_tokens"] + usage["output_tokens"]
        self._money(usage.get("cost_usd"))

    def _at_most(self, most: Mapping[str, Any]) -> None:
        if "tokens" in most:
            self.tokens += most["tokens"]
        else:
            self.unknown.add("tokens")
        self._money(most.get("usd"))

    def _ended(self, begun: _Begun, data: Mapping[str, Any]) -> None:
        attempts: int = data["attempts"]
        said: Mapping[str, Any] = data.get("cost") or {}
        self.calls += attempts + (said.get("calls") or 0)
        self.tokens += said.get("tokens") or 0
        if attempts:
            bound = None if begun.usd is None else begun.usd * attempts
            self._money(said.get("usd", bound))

    def _cut_off(self) -> None:
        for begun in [one for one in self._tools.values() if not one.nested]:
            self.calls += begun.attempts
            self._money(None if begun.usd is None else begun.usd * begun.attempts)
        for most in self._models.values():
            self._at_most(most)
        self._tools.clear()
        self._models.clear()

    def _money(self, usd: Any) -> None:
        if usd is None:
            self.unknown.add("usd")
        else:
            self.usd += Decimal(usd)
