"""What the server has done, in numbers, as Prometheus reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests by operation, responses by status, runs by agent and by how they ended."""

    requests: Counter[str] = field(default_factory=Counter[str])
    responses: Counter[str] = field(default_factory=Counter[str])
    begun: Counter[str] = field(default_factory=Counter[str])
    ended: Counter[str] = field(default_factory=Counter[str])

    def asked(self, operation: str) -> None:
        """A request that passed the guard."""
        self.requests[operation] += 1


def exposition(counts: Counts, *, runs: int, streams: int, up_s: float) -> str:
    """The text of `/metrics`.

    >>> counts = Counts()
    >>> counts.asked("models")
    >>> print(exposition(counts, runs=0, streams=0, up_s=1.5).splitlines()[2])
    agentkit_requests_total{operation="models"} 1
    """
    lines = [
        *_counter("requests", "Requests by operation.", "operation", counts.requests),
        *_counter("responses", "Responses by status.", "status", counts.responses),
        *_counter("runs_begun", "Runs that were begun or resumed.", "agent", counts.begun),
        *_counter("runs_ended", "Runs that stopped going on.", "status", counts.ended),
        *_gauge("runs", "Runs that go on now.", runs),
        *_gauge("streams", "Event streams that are open now.", streams),
        *_gauge("up_seconds", "Since the server started.", up_s),
    ]
    return "\n".join([*lines, ""])


def _counter(name: str, what: str, label: str, counted: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP agentkit_{name}_total {what}"
    yield f"# TYPE agentkit_{name}_total counter"
    for value, count in sorted(counted.items()):
        yield f'agentkit_{name}_total{{{label}="{_escaped(value)}"}} {count}'


def _gauge(name: str, what: str, value: float) -> Iterator[str]:
    yield f"# HELP agentkit_{name} {what}"
    yield f"# TYPE agentkit_{name} gauge"
    yield f"agentkit_{name} {value:g}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
