"""A span for each request, where a collector of traces is configured. Otherwise nothing is imported or run."""

import logging
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from ...config import Config
from ...infra.container import Services
from ..endpoint.contracts import METHODS

if TYPE_CHECKING:
    from ...infra.telemetry.tracing import Tracing


def register(app: Flask, config: Config) -> None:
    """Trace requests and what they ask of dependencies."""
    if not config.otlp_endpoint:
        return
    from ...infra.telemetry.tracing import Tracing, TracingConfig  # 6 MB, which only those pay for who want it

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it writes on for each batch, and each span
    wanted = TracingConfig(
        endpoint=config.otlp_endpoint,
        headers=config.otlp_headers,
        share=config.otel_share,
        service=config.otel_service,
        environment=config.environment,
        instance=config.railway_replica,
    )
    tracing = Tracing(wanted)
    _attach(app.extensions["services"], tracing)
    _follow(app, tracing)


def _attach(services: Services, tracing: "Tracing") -> None:
    for adapter in (services.database, services.identity.database, services.cache):
        tracing.attach(adapter)
    if services.replica:
        tracing.attach(services.replica)
    services.on_start.append(tracing.start)
    services.on_stop.append(tracing.stop)


def _follow(app: Flask, tracing: "Tracing") -> None:
    @app.before_request
    def begin() -> None:
        if request.endpoint == "health.alive":
            return
        method = request.method if request.method in METHODS else "_OTHER"
        rule = request.url_rule.rule if request.url_rule else None
        told = {"http.request.method": method, **({"http.route": rule} if rule else {})}
        g.span = tracing.begin(f"{method} {rule}" if rule else method, request.headers, told)
        g.trace_id = f"{g.span[0].get_span_context().trace_id:032x}"

    @app.after_request
    def tell(response: Response) -> Response:
        kept = g._get_current_object()
        if "span" in kept:
            span = kept.span[0]
            here = span.get_span_context()
            response.headers["traceresponse"] = f"00-{kept.trace_id}-{here.span_id:016x}-{here.trace_flags:02x}"
            span.set_attribute("http.response.status_code", response.status_code)
            span.set_attribute("rental.request_id", kept.get("request_id", ""))
            if "degraded" in kept:
                span.set_attribute("rental.degraded", list(kept.degraded))
            if response.status_code >= 500:
                span.set_attribute("error.type", kept.get("code") or str(response.status_code))
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "span" in g:
            tracing.end(*g.span)
