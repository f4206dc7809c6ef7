"""What a monitoring server is told: who may ask, how it is written, and that it is true."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openly
from prometheus_client.parser import text_string_to_metric_families as plainly
from sqlalchemy.orm import Session

from rental_backend.analytics.shop import service as standing
from rental_backend.bookings.models import BookingHeader, BookingStatus
from rental_backend.infra.telemetry.business_metrics import BusinessMetrics
from rental_backend.resilience import SharedMemory, SharedState
from rental_backend.transactions.models import RentalStatus, TransactionLine, TransactionStatus, TransactionType
from rental_backend.web.metrics.exposition import counter, gauge, labelled, render
from tests import factories
from tests.refusals import refusal
from tests.serving import until

TOKEN = "a token for who scrapes, long enough"
Labels = tuple[tuple[str, str], ...]


def scraped(client: FlaskClient, **headers: str) -> dict[tuple[str, Labels], float]:
    """Return every number of a scrape, by name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    parse = openly if "openmetrics" in answer.content_type else plainly
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(answer.text)
        for sample in family.samples
    }


def number(found: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    """Return one number, 0 if it is not there."""
    return found.get((name, tuple(sorted(labels.items()))), 0)


def test_both_forms_are_what_their_authors_read(app: Flask) -> None:
    """Prometheus' text, and OpenMetrics for who asks for it as Prometheus does, hold the same numbers by name."""
    client = app.test_client()
    client.get("/health")
    wanted = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

    text, open_metrics = scraped(client), scraped(client, Accept=wanted)

    assert set(text) <= set(open_metrics)
    assert client.get("/metrics").content_type == "text/plain; version=0.0.4; charset=utf-8"
    told = client.get("/metrics", headers={"Accept": wanted})
    assert told.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert told.text.endswith("\n# EOF\n")
    assert told.headers["Cache-Control"] == "no-store"


def test_labels_are_escaped() -> None:
    """Whatever stands in a label is read again as it was, in both forms."""
    odd = 'a\\b"c\nd'
    metrics = [counter("a", "A.", [(labelled(odd=odd), 1)]), gauge("b", "B.", [("", 0.5)])]

    for page, parse in ((render(metrics, openly=False), plainly), (render(metrics, openly=True), openly)):
        read = [(sample.name, sample.labels, sample.value) for each in parse(page.decode()) for sample in each.samples]
        assert read == [("a_total", {"odd": odd}, 1), ("b", {}, 0.5)]


@pytest.mark.parametrize(
    ("environ", "sent", "peer", "status"),
    [
        ({}, None, "127.0.0.1", 200),
        ({}, None, "10.0.0.7", 403),
        ({"ENVIRONMENT": "production"}, None, "127.0.0.1", 403),
        ({"METRICS_TOKEN": TOKEN}, None, "127.0.0.1", 401),
        ({"METRICS_TOKEN": TOKEN}, f"Bearer {TOKEN}x", "127.0.0.1", 401),
        ({"METRICS_TOKEN": TOKEN}, "Bearer \xe4", "127.0.0.1", 401),
        ({"METRICS_TOKEN": TOKEN, "ENVIRONMENT": "production"}, f"Bearer {TOKEN}", "10.0.0.7", 200),
    ],
)
def test_who_may_scrape(
    build: Callable[..., Flask], environ: dict[str, str], sent: str | None, peer: str, status: int
) -> None:
    """Who holds the token; without one whoever is on the same host, but in production nobody."""
    client = build(**environ).test_client()

    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {}, environ_base={"REMOTE_ADDR": peer})

    assert answer.status_code == status
    if status != 200:
        refusal(answer, status)
        assert "rental_" not in answer.text


def test_requests_are_counted_by_template(session: Session, signed_in: Callable[..., FlaskClient]) -> None:
    """By method, route and code; paths that lead nowhere, and odd methods, make no series of their own."""
    kept, client = factories.customer(session), signed_in("CUSTOMER_VIEW")
    requests, took = "rental_http_requests_total", "rental_http_request_duration_seconds"
    before = scraped(client)

    for path in (f"/api/customers/{kept.id}", f"/api/customers/{kept.id}", f"/api/customers/{factories.NOBODY}"):
        client.get(path)
    for path in ("/nowhere-1", "/nowhere-2"):
        client.get(path)
    client.open("/nowhere", method="BREW")
    after = scraped(client)

    def more(name: str, **labels: str) -> float:
        return number(after, name, **labels) - number(before, name, **labels)

    one = {"method": "GET", "route": "/api/customers/<uuid:id>"}
    assert (more(requests, **one, code="200"), more(requests, **one, code="404")) == (2, 1)
    assert (more(f"{took}_count", **one), more(f"{took}_bucket", **one, le="+Inf")) == (3, 3)
    assert 0 < more(f"{took}_sum", **one) < 3
    assert more(requests, method="GET", route="none", code="404") == 2
    assert more(requests, method="other", route="none", code="404") == 1
    assert more(requests, method="GET", route="/metrics", code="200") == 1
    assert number(after, "rental_http_requests_in_flight") == 1, "the scrape itself"
    assert not [labels for _, labels in after if "nowhere" in str(labels) or str(kept.id) in str(labels)]


def test_what_befalls_dependencies_is_told(dark_app: Flask) -> None:
    """An open breaker is told with what it refuses, the probes of it, and since when; a closed one is closed."""
    client = dark_app.test_client()
    client.post("/api/auth/login", json={"username": "ada", "password": "a password"})

    found = scraped(client)

    assert number(found, "rental_breaker_state", breaker="auth", state="closed") == 0
    states = [
        value for (name, labels), value in found.items() if name == "rental_breaker_state" and "auth" in str(labels)
    ]
    assert sorted(states) == [0, 0, 0, 0, 0, 1]
    assert number(found, "rental_breaker_down_seconds", breaker="auth") > 0
    assert number(found, "rental_breaker_rejected_total", breaker="auth") > 0
    assert number(found, "rental_breaker_probes_total", breaker="auth") > 0
    assert number(found, "rental_bulkhead_limit", bulkhead="database") == 40
    assert number(found, "rental_sign_ins_total", outcome="refused") > 0
    assert not [name for name, _ in found if name in ("rental_rentals_out", "rental_figures_age_seconds")]


def test_what_is_done_is_counted(session: Session, app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    """Keys that are stored, sent again and reused; sign-ins that succeed and fail."""
    factories.user(session, username="ada", password=factories.STRONG)
    client = signed_in("CUSTOMER_CREATE")
    before = scraped(client)
    form = {"customer_code": "C-1", "customer_type": "INDIVIDUAL", "first_name": "A", "last_name": "B"}
    for code in ("C-1", "C-1", "C-2"):
        client.post("/api/customers/", json={**form, "customer_code": code}, headers={"Idempotency-Key": "k-1"})
    answers = Counter(
        app.test_client().post("/api/auth/login", json={"username": "ada", "password": password}).status_code
        for password in (factories.PASSWORD, "wrong one")
    )

    after = scraped(client)

    def more(name: str, outcome: str) -> float:
        return number(after, name, outcome=outcome) - number(before, name, outcome=outcome)

    keys, sign_ins = "rental_idempotency_keys_total", "rental_sign_ins_total"
    assert [more(keys, each) for each in ("stored", "replayed", "reused", "in_progress")] == [1, 1, 1, 0]
    told = {
        status: more(sign_ins, outcome) for status, outcome in ((200, "success"), (400, "failure"), (503, "refused"))
    }
    assert told == {status: answers[status] for status in told}, "a busy machine may refuse one"


TODAY, BEFORE, AFTER = date(2026, 6, 15), date(2026, 6, 14), date(2026, 6, 16)


def _rent(session: Session, ends: date, line: RentalStatus, returned: int = 0, **header: object) -> None:
    """Store a rental of one line that ends on a day."""
    only = TransactionLine(
        line_number=1,
        description="A lamp",
        quantity=1,
        unit_price=1,
        rental_start_date=date(2026, 6, 1),
        rental_end_date=ends,
        current_rental_status=line,
        returned_quantity=returned,
    )
    factories.transaction(session, TransactionType.RENTAL, lines=[only], **header)


def _book(session: Session, begins: date, status: BookingStatus) -> None:
    """Store a booking that begins on a day."""
    made = BookingHeader(
        booking_reference=f"{begins} {status}",
        customer_id=factories.customer(session).id,
        location_id=factories.location(session).id,
        booking_date=date(2026, 6, 1),
        start_date=begins,
        end_date=AFTER,
        booking_status=status,
    )
    session.add(made)
    session.commit()


def test_the_business_is_counted_by_its_rules(session: Session) -> None:
    """Out is what has not come back whole, overdue what should have before today; cancelled ones are neither."""
    _rent(session, TODAY, RentalStatus.RENTAL_INPROGRESS)
    _rent(session, BEFORE, RentalStatus.RENTAL_LATE)
    _rent(session, BEFORE, RentalStatus.RENTAL_COMPLETED, returned=1)
    _rent(session, BEFORE, RentalStatus.RENTAL_LATE, status=TransactionStatus.CANCELLED)
    _book(session, TODAY, BookingStatus.PENDING)
    _book(session, TODAY, BookingStatus.CANCELLED)
    _book(session, AFTER, BookingStatus.CONFIRMED)

    assert standing.count(session, TODAY) == {"rentals_out": 2, "rentals_overdue": 1, "bookings_today": 1}


@pytest.fixture
def figures(app: Flask) -> Iterator[BusinessMetrics]:
    """Figures of their own, with the database of the application."""
    yield BusinessMetrics(SharedState(SharedMemory()), app.extensions["services"].database)


def test_one_worker_asks_for_the_figures(figures: BusinessMetrics) -> None:
    """They are asked for once in a while, and stay with their age; without an answer there are none."""
    asked: list[int] = []
    figures.load_with(lambda _: {"rentals_out": asked.append(1) or len(asked)}, {})
    assert figures.latest() is None

    figures.refresh()
    figures.refresh()
    told = figures.latest()

    assert told is not None
    assert (told[0], len(asked)) == ({"rentals_out": 1}, 1)
    assert 0 <= told[1] < 5
    figures._due[0] = 0
    figures.refresh()
    assert len(asked) == 2


def test_the_figures_are_in_the_scrape(app: Flask) -> None:
    """The background asks for them, and the memory and pools of the worker are there."""
    client = app.test_client()
    until(lambda: number(scraped(client), "rental_workers"))
    until(lambda: ("rental_figures_age_seconds", ()) in scraped(client))
    found = scraped(client)

    assert {name for name, _ in found} >= {"rental_rentals_out", "rental_rentals_overdue", "rental_bookings_today"}
    assert number(found, "rental_pool_size", pool="database") == 8
    assert number(found, "rental_workers") == 1
    assert max(value for (name, _), value in found.items() if name == "rental_worker_resident_bytes") > 10**7
    assert number(found, "rental_mode", mode="normal") == 1
