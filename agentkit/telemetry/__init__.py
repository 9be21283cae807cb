"""Runs as OpenTelemetry traces and metrics, by the names of its GenAI conventions.

A journal is wrapped, and tells a tracer what is appended to it; the engine knows nothing of it.

```python
from opentelemetry.sdk.trace import TracerProvider
from agentkit.store import open_store
from agentkit.telemetry import traced_store

store = traced_store(open_store("memory"), tracer_provider=TracerProvider())
```
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from agentkit.errors import MissingExtra
from agentkit.protocols import Journal
from agentkit.store import Store

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["traced", "traced_store"]


def traced(
    journal: Journal,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool = False,
) -> Journal:
    """The journal, whose runs are traced from now on; without a provider by the program's own one.

    With `content` also what was asked, handed over and answered, cut in length and without what its
    name says is secret; without it no text of a run leaves. Raises `MissingExtra`.
    """
    try:
        import_module("opentelemetry.sdk.trace")
    except ImportError as error:
        raise MissingExtra("traces", "opentelemetry-sdk", "otel") from error
    from agentkit.telemetry.journal import TracedJournal
    from agentkit.telemetry.metrics import Meters
    from agentkit.telemetry.spans import Spans

    return TracedJournal(journal, Spans(tracer_provider, Meters(meter_provider), content=content))


def traced_store(
    store: Store,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool = False,
) -> Store:
    """The store with its journal `traced`; it is closed in place of the one given."""
    journal = traced(
        store.journal,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        content=content,
    )
    return replace(store, journal=journal)
