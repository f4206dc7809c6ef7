"""Traces: what a collector is told of a request and what it asked for, and that nothing is done where there is none."""

import contextlib
import json
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.infra.container import Services
from rental_backend.infra.telemetry import tracing
from tests import factories
from tests.refusals import refusal
from tests.serving import until

from .collector import Collector, attributes, collecting

KEY = "a key of the collector"
PARENT, CALLER = uuid.uuid5(uuid.NAMESPACE_DNS, "trace").hex, "00f067aa0ba902b7"
CUSTOMER = {"customer_code": "C-77", "customer_type": "BUSINESS", "business_name": "Confidential & Co"}


@dataclass
class Traced:
    """An application that sends its traces to a collector."""

    app: Flask
    client: FlaskClient
    collector: Collector

    def ask(self, method: str, path: str, **sent: Any) -> tuple[Any, list[Any]]:
        """Ask, and return the answer with the spans of its trace, when all have come: that of the request is last."""
        answer = self.client.open(path, method=method, **sent)
        trace = answer.headers["traceresponse"].split("-")[1]
        until(lambda: any(span.kind == 2 for span in self.collector.trace(trace)), 10, "the span of the request")
        return answer, self.collector.trace(trace)


def sampled_by(traceresponse: str) -> bool:
    """Tell whether a request was traced, by what its answer says."""
    return bool(int(traceresponse.split("-")[3], 16) & 1)


def services(app: Flask) -> Services:
    """Return the doors of an application."""
    found: Services = app.extensions["services"]
    return found


@pytest.fixture
def traced(
    build: Callable[..., Flask], session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Traced]:
    """Everything up, a superuser signed in, and a collector that takes everything, without a pause."""
    monkeypatch.setattr(tracing, "PAUSE", 20.0)
    with collecting() as collector:
        app = build(
            JOURNAL_FOLDER=str(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS=f"api-key={KEY.replace(' ', '%20')}",
        )
        services(app).start()
        assert services(app).wait_until_settled(10)
        user = factories.user(session, is_superuser=True)
        token = factories.token(session, services(app).identity.tokens, user, superuser=True)
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        yield Traced(app, client, collector)


def test_a_request_is_told_with_what_it_asked_for(traced: Traced) -> None:
    """The span of the request has its route; statements and commands are below it; no value and no secret is told."""
    created, spans = traced.ask("POST", "/api/customers", json=CUSTOMER, headers={"Idempotency-Key": "once-more-12"})

    assert created.status_code == 201, created.text
    (root,) = [span for span in spans if not span.parent_span_id]
    told = attributes(root)
    assert (root.name, root.kind) == ("POST /api/customers/", 2)
    assert told["http.route"] == "/api/customers/"
    assert (told["http.request.method"], told["http.response.status_code"]) == ("POST", 201)
    assert told["rental.request_id"] == created.headers["X-Request-ID"]
    below = [span for span in spans if span.parent_span_id]
    assert {span.parent_span_id for span in below} == {root.span_id}
    statements = [attributes(span) for span in below if attributes(span)["db.system.name"] == "postgresql"]
    assert {"INSERT customers", "COMMIT"} <= {each["db.query.summary"] for each in statements}
    assert any("INSERT INTO customers" in each.get("db.query.text", "") for each in statements)
    listed, more = traced.ask("GET", "/api/customers?search=Confidential")
    assert listed.headers["X-Total-Count"] == "1"
    assert any(span.name.startswith("SELECT customers") for span in more)
    body = {"username": "nobody", "password": "confidential-word-12"}
    _, asked = traced.ask("POST", "/api/auth/login", json=body)
    commands = {attributes(span).get("db.operation.name") for span in asked}
    assert "EVALSHA" in commands
    for value in ("Confidential", "C-77", "once-more", "confidential-word", created.get_json()["id"], KEY):
        assert value.encode() not in traced.collector.raw
    assert traced.client.environ_base["HTTP_AUTHORIZATION"].split()[1].encode() not in traced.collector.raw
    assert {each["service.name"] for each in traced.collector.resources} == {"rental_backend"}
    assert {each["api-key"] for each in traced.collector.headers} == {KEY}


def test_the_trace_of_the_caller_is_gone_on_with(
    traced: Traced, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """`traceparent` names it; the answer, the problem and the log say the same; his decision not to trace counts."""
    caplog.set_level(logging.INFO)
    missing = f"/api/customers/{factories.NOBODY}"

    answer, spans = traced.ask("GET", missing, headers={"traceparent": f"00-{PARENT}-{CALLER}-01"})

    root = next(span for span in spans if span.kind == 2)
    assert root.parent_span_id.hex() == CALLER
    assert answer.headers["traceresponse"] == f"00-{PARENT}-{root.span_id.hex()}-01"
    assert refusal(answer, 404)["trace_id"] == PARENT
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith('{"event":"request"')]
    assert [line["trace_id"] for line in lines] == [PARENT]
    sent = len(traced.collector.spans)
    unsampled = traced.client.get(missing, headers={"traceparent": f"00-{PARENT}-{CALLER}-00"})
    assert not sampled_by(unsampled.headers["traceresponse"])
    assert refusal(unsampled, 404)["trace_id"] == PARENT
    traced.ask("GET", missing)
    assert not [span for span in traced.collector.spans[sent:] if span.trace_id.hex() == PARENT]


@pytest.mark.parametrize("nonsense", ["", "x", f"00-{'0' * 32}-{CALLER}-01", f"ff-{PARENT}-{CALLER}-01"])
def test_a_trace_of_nonsense_is_none(traced: Traced, nonsense: str) -> None:
    """A new one is begun."""
    answer, _ = traced.ask("GET", "/api/health", headers={"traceparent": nonsense})
    assert PARENT not in answer.headers["traceresponse"]
    assert answer.status_code == 200


def test_what_breakers_do_is_told(traced: Traced) -> None:
    """The call that opens one says so in the span of its request, and so does each that is refused."""
    breaker = services(traced.app).database.breaker
    strike = {"kind": "error", "latency": 0.0, "share": 1.0, "reason": "a test", "actor": "test", "seconds": 60.0}
    services(traced.app).fault_injection.order("database", **strike)  # type: ignore[arg-type]
    opened: list[Any] = []
    while not opened:  # a probe or a chore may have been faster with the sixth call, and has no request
        breaker.close()
        while breaker.closed:
            traced.client.post("/api/customers", json=CUSTOMER)

        refused, spans = traced.ask("POST", "/api/customers", json=CUSTOMER)

        assert refused.status_code == 503
        root = next(span for span in spans if span.kind == 2)
        told = [(event.name, attributes(event)["breaker"]) for event in root.events]
        assert told == [("breaker.rejected", "database")]
        assert attributes(root)["error.type"] == "dependency_unavailable"
        opened = [event for span in traced.collector.spans for event in span.events if event.name == "breaker.open"]

    assert attributes(opened[0]) == {"breaker": "database", "before": "closed", "cause": "6 failures in a row"}


def test_a_failing_statement_is_told_without_what_it_said(traced: Traced) -> None:
    """Its span has the code of the error; the message holds values, and stays here."""
    brand = {"name": "Confidential lenses"}
    assert traced.client.post("/api/master-data/brands", json=brand).status_code == 201
    again, spans = traced.ask("POST", "/api/master-data/brands", json=brand)

    assert again.status_code == 409
    failed = [span for span in spans if span.status.code == 2]
    assert [attributes(span)["error.type"] for span in failed] == ["23505"]
    assert b"Confidential" not in traced.collector.raw


def test_only_a_share_is_traced(build: Callable[..., Flask]) -> None:
    """Of requests whose caller has not decided; their ids are in the log all the same."""
    with collecting() as collector:
        app = build(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="0.5")
        client = app.test_client()
        answers = [client.get("/health/ready").headers["traceresponse"] for _ in range(150)]
        services(app).stop()

    sampled = sum(sampled_by(answer) for answer in answers)
    assert 35 < sampled < 115
    assert len([span for span in collector.spans if span.kind == 2]) == sampled


def test_health_checks_are_not_traced(traced: Traced) -> None:
    """They come every few seconds."""
    assert "traceresponse" not in traced.client.get("/health").headers


@contextlib.contextmanager
def _hung() -> Iterator[str]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_collector_that_hangs_holds_up_no_end(
    build: Callable[..., Flask], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans beyond the queue are dropped, the loss is said once, and a worker ends within its second."""
    monkeypatch.setattr(tracing, "QUEUE", 2 * tracing.BATCH)
    with _hung() as url:
        app = build(OTEL_EXPORTER_OTLP_ENDPOINT=url)
        client = app.test_client()
        for _ in range(4 * tracing.BATCH):
            client.get("/api/health/ready")
        began = time.monotonic()
        for end in services(app).on_stop:
            end()
        took = time.monotonic() - began

    assert took <= tracing.END + 0.2
    assert capsys.readouterr().out.count("traces are lost") <= 1


def test_it_costs_nothing_when_it_is_off(app: Flask) -> None:
    """No hook is there, and the doors are as they were; that nothing is imported, `tests/test_wsgi.py` says."""
    hooks = [*app.before_request_funcs[None], *app.after_request_funcs[None], *app.teardown_request_funcs.get(None, ())]
    assert not [hook for hook in hooks if hook.__module__.endswith("traces")]
    assert type(services(app).cache._client).__module__.startswith("redis")
    assert "traceresponse" not in app.test_client().get("/api/health").headers
