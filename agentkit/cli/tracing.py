"""Traces of what a command does, where the environment has a receiver of OpenTelemetry's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from agentkit.cli.settings import CONTENT_VARIABLE, ENDPOINT_VARIABLE
from agentkit.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from agentkit.agent import Agent
    from agentkit.store import Store

_LONGEST_S = 3.0
"""A command does not wait longer for a receiver that is away, where nothing else is said."""
_TIMEOUTS = ("", "_TRACES", "_METRICS")

_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"


def with_traces(agent: Agent[Any], env: Mapping[str, str]) -> Agent[Any]:
    """The agent; its store is open until the command ends, and traced, if anything is traced."""
    from agentkit.store import Store, open_store

    if not _on(env) or isinstance(agent.store, Store):
        return agent
    _require_exporter(env)
    store = traced_here(open_store(agent.store, artifacts=agent.artifacts), env)
    click.get_current_context().call_on_close(lambda: asyncio.run(store.close()))
    return replace(agent, store=store)


def traced_here(store: Store, env: Mapping[str, str]) -> Store:
    """The store, traced if the environment says so. What is left to send is sent when the command
    ends."""
    if not _on(env):
        return store
    _require_exporter(env)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from agentkit.telemetry import traced_store

    resource = Resource.create(_named(env))
    _say_once()
    timeout_s = _timeout_s(env)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=timeout_s))
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=timeout_s)))
    context = click.get_current_context()
    context.call_on_close(meters.shutdown)
    context.call_on_close(tracers.shutdown)
    content = env.get(CONTENT_VARIABLE) == "1"
    return traced_store(store, tracer_provider=tracers, meter_provider=meters, content=content)


def _on(env: Mapping[str, str]) -> bool:
    off = env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return bool(env.get(ENDPOINT_VARIABLE)) and not off


def _require_exporter(env: Mapping[str, str]) -> None:
    """Raises `UsageError` where nothing could be sent, before anything has run."""
    protocol = env.get(_PROTOCOL) or "http/protobuf"
    if protocol != "http/protobuf":
        raise UsageError(
            f"expected {_PROTOCOL}=http/protobuf, the way agentkit sends; got {protocol!r}: "
            f"unset it, or unset {ENDPOINT_VARIABLE} to trace nothing"
        )
    package = "opentelemetry-exporter-otlp-proto-http"
    try:
        import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        feature = f"sending traces, which {ENDPOINT_VARIABLE} asks for,"
        raise MissingExtra(feature, package, "otel") from error


def _timeout_s(env: Mapping[str, str]) -> float | None:
    """For all tries of one batch; None where the exporters read it from the environment."""
    said = any(env.get(f"OTEL_EXPORTER_OTLP{which}_TIMEOUT") for which in _TIMEOUTS)
    return None if said else _LONGEST_S


def _say_once() -> None:
    """That a receiver is away is said when a batch is given up, not at each try."""
    log = logging.getLogger("opentelemetry.exporter")
    if log.level == logging.NOTSET:
        log.setLevel(logging.ERROR)


def _named(env: Mapping[str, str]) -> dict[str, str]:
    """`service.name`, where the environment does not say it."""
    said = "service.name=" in env.get("OTEL_RESOURCE_ATTRIBUTES", "") or env.get(
        "OTEL_SERVICE_NAME"
    )
    return {} if said else {"service.name": "agentkit"}
