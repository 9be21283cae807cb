"""A receiver of OTLP over HTTP, and what it got."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Sent:
    """A span as it was sent. Times are nanoseconds since the epoch."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    start: int
    end: int
    error: bool
    about: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, dict[str, Any]], ...]


@dataclass
class Received:
    """Everything, in the order in which it came; `service` is the last one's name."""

    endpoint: str
    spans: list[Sent] = field(default_factory=list[Sent])
    metrics: dict[str, list[tuple[dict[str, Any], float]]] = field(
        default_factory=dict[str, list[tuple[dict[str, Any], float]]]
    )
    service: str = ""
    raw: bytes = b""

    def named(self, name: str) -> list[Sent]:
        return [span for span in self.spans if span.name == name]

    def take(self, path: str, body: bytes) -> None:
        self.raw += body
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.service = _about(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    self.spans += [_sent(span) for span in scope.spans]
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        self.metrics[metric.name] = [*_points(metric)]


def _sent(span: Any) -> Sent:
    return Sent(
        name=span.name,
        kind=span.kind,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        error=span.status.code == span.status.STATUS_CODE_ERROR,
        about=_about(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        events=tuple((event.name, _about(event.attributes)) for event in span.events),
    )


def _about(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Any:
    if value.HasField("array_value"):
        return [_value(each) for each in value.array_value.values]
    return getattr(value, value.WhichOneof("value"))


def _points(metric: Any) -> Generator[tuple[dict[str, Any], float]]:
    for point in metric.histogram.data_points:
        yield _about(point.attributes), point.sum
    for point in metric.sum.data_points:
        yield _about(point.attributes), point.as_int


@contextmanager
def receiver() -> Generator[Received]:
    """One that listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
