"""What tracing costs: CPU a node with spans sent to a receiver, beside the same run without.

    python benchmarks/traces.py [--check] [--rounds 15] [--nodes 500]

Both ways run by turns in this process, on stores in SQLite; the CPU is all of this process's, with
the threads that batch, encode and send, until everything is sent. The receiver is another process.

A plain function runs in a thread, as it does by default. A coroutine function that awaits nothing
is the least that a node can be: its figure shows the span itself, most of which is the time of
OpenTelemetry's own code.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from table import Row, exit_code, show

from agentkit import Agent, open_store, tool
from agentkit.plan.graph import Answer, Call, Const, Node, Plan, Ref
from agentkit.planners import Fixed
from agentkit.store import Store
from agentkit.telemetry import traced_store
from agentkit.testing import ScriptedModel

MOST_TIMES = 1.5
RECEIVE = "--receive"


@tool(effect="read")
def step(n: int) -> int:
    """The next number."""
    return n + 1


@tool(effect="read")
async def bare(n: int) -> int:
    """The next number, without a thread."""
    return n + 1


def chain(count: int, name: str) -> Plan:
    """Each node needs the one before."""
    nodes: list[Node] = [Call(id="n0", tool=name, args={"n": Const(0)})]
    for number in range(1, count):
        nodes.append(Call(id=f"n{number}", tool=name, args={"n": Ref(f"n{number - 1}")}))
    return Plan(nodes={node.id: node for node in nodes}, answer=Answer(text=Const("done")))


def wide(count: int, name: str) -> Plan:
    """No node needs another."""
    calls = [Call(id=f"n{n}", tool=name, args={"n": Const(n)}) for n in range(count)]
    return Plan(nodes={node.id: node for node in calls}, answer=Answer(text=Const("done")))


def shapes(count: int) -> list[tuple[str, Plan]]:
    """Each by what it is."""
    return [
        (f"chain of {count} functions", chain(count, "step")),
        (f"{count} functions at once", wide(count, "step")),
        (f"chain of {count} coroutines that await nothing", chain(count, "bare")),
    ]


async def once(plan: Plan, store: Store, sent: Callable[[], object]) -> float:
    """Seconds of CPU of one run, and of sending what it told."""
    agent = Agent(model=ScriptedModel(), planner=Fixed(plan), tools=[step, bare], store=store)
    began = time.process_time()
    await agent.run("Count.")
    await asyncio.to_thread(sent)
    return time.process_time() - began


async def measure(plan: Plan, rounds: int, endpoint: str) -> tuple[float, float]:
    """Median seconds of CPU of a run: plain, and traced."""
    tracers = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    tracers.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=16384))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    found: dict[str, list[float]] = {"plain": [], "traced": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):  # the first one warms up
            for way, seconds in found.items():
                store = open_store(Path(folder) / f"{way}{number}")
                if way == "traced":
                    store = traced_store(store, tracer_provider=tracers, meter_provider=meters)
                seconds.append(await once(plan, store, tracers.force_flush))
                await store.close()
    tracers.shutdown()
    meters.shutdown()
    return median(found["plain"][1:]), median(found["traced"][1:])


@contextmanager
def receiver() -> Generator[tuple[str, subprocess.Popen[str]]]:
    """Its address, and its process; it says how many spans came when its input is closed."""
    command = [sys.executable, __file__, RECEIVE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process


def receive() -> None:
    """A receiver that counts spans, until its standard input is closed."""
    import threading

    counts: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    counts.extend(len(scope.spans) for scope in resource.scope_spans)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a connection that is kept open is not waited for
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
    server.shutdown()
    print(sum(counts), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="what tracing costs")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    given = parser.parse_args()
    rows: list[Row] = []
    with receiver() as (endpoint, process):
        for name, plan in shapes(given.nodes):
            plain, traced = asyncio.run(measure(plan, given.rounds, endpoint))
            us = 1e6 / given.nodes
            figure = f"{plain * us:.0f} and {traced * us:.0f} us"
            rows.append(Row(f"{name}: CPU a node, plain and traced", figure))
            what = f"{name}: traced / plain <= {MOST_TIMES:g}"
            rows.append(Row(what, f"{traced / plain:.2f}", traced <= MOST_TIMES * plain))
        came = int(process.communicate()[0])
    expected = 3 * (given.rounds + 1) * (given.nodes + 2)  # a run and its plan are spans too
    rows.append(Row("spans received of those told", f"{came} of {expected}", came == expected))
    show("Traces", rows)
    return exit_code(rows, check=given.check)


if __name__ == "__main__":
    if RECEIVE in sys.argv:
        receive()
    else:
        sys.exit(main())
