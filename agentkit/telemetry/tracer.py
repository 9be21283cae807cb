"""Makes spans whose times and ids are known, and hands those that have ended to a provider.

A tracer's own way makes a span twice, when it begins and when it ends, with locks around each
change, which costs a third of the node that it is about. Here the finished one alone is made; so
processors hear of a span when it ends, and not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace import TracerProvider as AnyProvider
from opentelemetry.util.types import AttributeValue

from agentkit.errors import UsageError
from agentkit.telemetry.ids import life_id, trace_id

_SCOPE = InstrumentationScope("agentkit")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
_DROPPED = TraceFlags(TraceFlags.RANDOM_TRACE_ID)
_UNSET = Status(StatusCode.UNSET)


class _Resource(Resource):
    """Equal to another one, with its hash worked out once: an encoder asks for that with each span,
    and the SDK's own writes itself as JSON each time, a fifth of what encoding a span costs."""

    def __init__(self, same: Resource) -> None:
        super().__init__(same.attributes, same.schema_url)
        self._known = hash(same)

    def __hash__(self) -> int:
        return self._known


@dataclass(slots=True)
class Open:
    """A span that has begun, `began` nanoseconds after the epoch.

    `tool` is what it calls, if it is a call; `run` is the run that the call is, if it is one.
    """

    name: str
    context: SpanContext
    parent: SpanContext | None
    began: int
    about: dict[str, AttributeValue]
    kind: SpanKind = SpanKind.INTERNAL
    links: Sequence[Link] = ()
    tool: str | None = None
    run: str | None = None
    events: tuple[Event, ...] = ()
    status: Status = _UNSET

    def say(self, name: str, about: dict[str, AttributeValue], at: int) -> None:
        """Something that happened within it."""
        self.events = (*self.events, Event(name, about, at))

    def fail(self, message: str | None) -> None:
        """It has failed."""
        self.status = Status(StatusCode.ERROR, message)


class Tracer:
    """Of a provider; without one of the program's own. Raises `UsageError` for one that is not of
    the package opentelemetry-sdk."""

    def __init__(self, given: AnyProvider | None) -> None:
        provider = given or trace.get_tracer_provider()
        if not isinstance(provider, TracerProvider):
            raise UsageError(
                "expected a TracerProvider of opentelemetry-sdk as tracer_provider, or set for the "
                f"program by opentelemetry.trace.set_tracer_provider; got {type(provider).__name__}"
            )
        tracer = provider.get_tracer("agentkit")
        self._tracer = tracer if isinstance(tracer, SdkTracer) else None  # None: switched off
        self._resource = _Resource(provider.resource)

    def begin(
        self, name: str, about: dict[str, AttributeValue], within: SpanContext, at: int
    ) -> Open:
        """A span within another one."""
        id = 1 if self._tracer is None else self._tracer.id_generator.generate_span_id()
        context = SpanContext(within.trace_id, id, False, within.trace_flags)
        return Open(name, context, within, at, about)

    def begin_life(
        self,
        name: str,
        about: dict[str, AttributeValue],
        life: tuple[str, int],
        at: int,
        *,
        within: SpanContext | None,
        links: Sequence[SpanContext],
    ) -> Open:
        """The span of a run from an event on; its trace is sampled, or not, when it is no call."""
        run, seq = life
        linked = [Link(one) for one in links]
        flags = within.trace_flags if within else self._sampled(name, about, trace_id(run), linked)
        context = SpanContext(trace_id(run), life_id(run, seq), False, flags)
        return Open(name, context, within, at, about, links=linked)

    def end(self, span: Open, at: int) -> None:
        """Hands it on."""
        if self._tracer is None or not span.context.trace_flags.sampled:
            return
        told = ReadableSpan(
            span.name,
            span.context,
            span.parent,
            self._resource,
            span.about,
            span.events,
            span.links,
            span.kind,
            status=span.status,
            start_time=span.began,
            end_time=at,
            instrumentation_scope=_SCOPE,
        )
        self._tracer.span_processor.on_end(told)

    def _sampled(
        self, name: str, about: dict[str, AttributeValue], id: int, links: Sequence[Link]
    ) -> TraceFlags:
        if self._tracer is None:
            return _DROPPED
        sample = self._tracer.sampler.should_sample
        found = sample(Context(), id, name, SpanKind.INTERNAL, about, links)
        return _SAMPLED if found.decision is Decision.RECORD_AND_SAMPLE else _DROPPED


def life_context(run: str, seq: int) -> SpanContext:
    """What to link to a life by, whichever process has told it."""
    return SpanContext(trace_id(run), life_id(run, seq), True, _SAMPLED)
