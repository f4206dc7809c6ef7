"""Spans of requests, statements and cache calls, for a collector. Imported only where one is configured.

They are created in our own adapters rather than by instrumentation packages, which wrap drivers and framework from
outside: that takes five more packages, costs each call twice as much, and sends values that we do not want to send.
Nothing here waits for the collector: ended spans go into a short queue, which one thread of each worker empties.
"""

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from ... import __version__
from ...resilience import Breaker, BreakerOpen, Call, Listener
from ..postgres.tracing import SpannedCall

TIMEOUT = 2.0  # seconds for the collector to accept a batch
QUEUE, BATCH = 2048, 64  # spans; requests wait for the interpreter while a batch is encoded: 1 ms for 64
PAUSE = 1000.0  # milliseconds after which a batch that is not full goes out
END = 1.0  # seconds to send what is left when a worker ends
TELL_EVERY = 60.0
PATH = "/v1/traces"

log = structlog.get_logger("rental_backend.traces")


T = TypeVar("T")


class Adapter(Protocol):
    """An adapter of a dependency."""

    breaker: Breaker

    def trace(self, call: SpannedCall) -> None:
        """Run all calls through `call`, which takes a call's name, its attributes, and the function that makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """Where to send traces, with which headers (name=value,name=value), for which share of the requests, as whose."""

    endpoint: str
    headers: str
    share: float
    service: str
    environment: str
    instance: str


# D91: spans are made in our own adapters.
class Tracing:
    """The tracer of this process. It does nothing before `start`, which each worker calls after the fork."""

    def __init__(self, wanted: TracingConfig) -> None:
        self._wanted = wanted
        self._provider: TracerProvider | None = None
        self._propagator = TraceContextTextMapPropagator()
        self.tracer: Tracer = trace.NoOpTracer()

    def start(self) -> None:
        """Begin to create and send spans."""
        wanted = self._wanted
        service = {"service.name": wanted.service, "service.version": __version__}
        more = {"deployment.environment.name": wanted.environment, "service.instance.id": wanted.instance}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(wanted.share)),
            resource=Resource.create({**service, **{name: value for name, value in more.items() if value}}),
            shutdown_on_exit=False,
        )
        exporter = LossReportingExporter(
            OTLPSpanExporter(
                endpoint=wanted.endpoint.rstrip("/") + PATH,
                headers=parse_env_headers(wanted.headers, liberal=True),
                timeout=TIMEOUT,
            )
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE, schedule_delay_millis=PAUSE, max_export_batch_size=BATCH)
        )
        self.tracer = self._provider.get_tracer("rental_backend", __version__)

    def stop(self) -> None:
        """Send what is left, within `END` seconds."""
        if self._provider is not None:
            ending = threading.Thread(target=self._provider.shutdown, daemon=True)
            ending.start()
            ending.join(END)

    def attach(self, adapter: Adapter) -> None:
        """Trace the calls of an adapter, and what its breaker does to them."""
        adapter.trace(self.call)
        adapter.breaker.guard = functools.partial(TracedCall, adapter.breaker.calls)
        adapter.breaker.add_listener(TransitionListener())

    def begin(self, name: str, headers: Any, attributes: Mapping[str, str]) -> tuple[Span, Token[Context]]:
        """Begin the span of a request, below the caller's if they name one; return it and the token to end it."""
        parent = self._propagator.extract(headers) if "traceparent" in headers else Context()
        span = self.tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        return span, context.attach(trace.set_span_in_context(span, parent))

    def end(self, span: Span, token: Token[Context]) -> None:
        """End the span of a request."""
        context.detach(token)
        span.end()

    def call(self, name: str, attributes: Mapping[str, str], made: Callable[[], T]) -> T:
        """Make a call in a span of its own, if its request has one. Of an error only the kind is sent, no value."""
        if not trace.get_current_span().is_recording():
            return made()
        span = self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            return made()
        except BaseException as error:
            span.set_attribute("error.type", getattr(error, "sqlstate", None) or type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()


class TracedCall(Call):
    """A guarded call that adds an event to the request's span when it is refused."""

    __slots__ = ()

    def __enter__(self) -> "TracedCall":
        try:
            super().__enter__()
        except BreakerOpen as error:
            trace.get_current_span().add_event("breaker.rejected", {"breaker": error.breaker})
            raise
        return self


class TransitionListener(Listener):
    """Adds an event to the request's span when its call changed the state of a breaker."""

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Add the event of one change."""
        attributes = {"breaker": cb.name, "before": old_state.name, "cause": cb.events[-1].cause}
        trace.get_current_span().add_event(f"breaker.{new_state.name}", attributes)


class LossReportingExporter(SpanExporter):
    """Sends spans, and reports lost ones once a minute rather than for each batch."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._lost, self._tell_at = 0, 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; what the collector does not take is lost."""
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            if time.monotonic() >= self._tell_at:
                self._tell_at = time.monotonic() + TELL_EVERY
                log.warning("traces are lost: the collector does not take them", spans=self._lost)
        return result

    def shutdown(self) -> None:
        """Shut down."""
        self._inner.shutdown()
