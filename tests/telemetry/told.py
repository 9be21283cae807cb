"""Spans as a tracer of this process got them, and what must hold of any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentkit.protocols import Journal
from agentkit.store import Store
from agentkit.telemetry import traced, traced_store


@dataclass
class Told:
    """One process's tracer and meter."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    def store(self, store: Store, *, content: bool = False) -> Store:
        return traced_store(
            store, tracer_provider=self.tracers, meter_provider=self.meters, content=content
        )

    def journal(self, journal: Journal) -> Journal:
        return traced(journal, tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def sums(self) -> dict[tuple[str, frozenset[tuple[str, Any]]], float]:
        """What each instrument came to, by its attributes."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            (metric.name, frozenset((point.attributes or {}).items())): getattr(point, "sum", None)
            or getattr(point, "value", 0)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


def require_well_formed(spans: Sequence[ReadableSpan]) -> None:
    """No span is told twice; its parent is there and around it; only runs are roots."""
    by_id = {id_of(span): span for span in spans}
    assert len(by_id) == len(spans)
    for span in spans:
        assert span.start_time is not None and span.end_time is not None
        assert span.start_time <= span.end_time
        if span.parent is None:
            assert span.name.startswith("invoke_agent"), span.name
            continue
        parent = by_id[span.parent.span_id]
        assert trace_of(parent) == trace_of(span)
        assert parent.start_time is not None and parent.end_time is not None
        assert parent.start_time <= span.start_time
        assert span.end_time <= parent.end_time, f"{span.name} outlives {parent.name}"


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def shape(spans: Sequence[ReadableSpan], of: ReadableSpan | None = None) -> list[object]:
    """The names below a span, each followed by what is below it, as they began."""
    parent = None if of is None else id_of(of)
    below = [s for s in spans if (s.parent.span_id if s.parent else None) == parent]
    found: list[object] = []
    for span in sorted(below, key=lambda span: (span.start_time or 0, span.name)):
        inner = shape(spans, span)
        found += [span.name, inner] if inner else [span.name]
    return found
