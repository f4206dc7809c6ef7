"""Pages made ahead of an outage: what a contract names, for each scope that was here, renewed after a change."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.infra import AUTH, DATABASE
from rental_backend.infra.container import Services
from rental_backend.web.endpoint import prewarm
from rental_backend.web.endpoint.needs import PUBLIC, Needs
from rental_backend.web.endpoint.pipeline import endpoint
from rental_backend.web.endpoint.prewarm import Warmer, refuse_what_cannot_be_warm
from rental_backend.web.endpoint.principal import Principal
from tests import factories
from tests.serving import until

WARM = "/api/customers?skip=0&limit=100"
FIRST_PAGES = (
    WARM,
    "/api/customers?status=ACTIVE&limit=100",
    "/api/master-data/item-master?skip=0&limit=100&active_only=true",
    "/api/master-data/item-master?skip=0&limit=100&sort_by=item_name&sort_order=asc",
    "/api/master-data/item-master?skip=0&limit=100&sort_by=created_at&sort_order=desc",
    "/api/master-data/locations/",
    "/api/master-data/locations?is_active=true&limit=100",
    "/api/master-data/locations?limit=1000",
)
COLD = "/api/customers?skip=0&limit=99"


@pytest.fixture
def app(build: Callable[..., Flask], settings: dict[str, str], tmp_path: Path) -> Flask:
    """An application of its own, which hears of no other's changes and finds nothing of theirs in Redis."""
    url = settings["REDIS_URL"].rpartition("/")[0]
    made = build(JOURNAL_FOLDER=str(tmp_path), REDIS_URL=f"{url}/15", SECRET_KEY=uuid.uuid4().hex)
    services: Services = made.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    return made


def _client(app: Flask, session: Session, *permissions: str) -> FlaskClient:
    user = factories.user(session, permissions=permissions)
    tokens = app.extensions["services"].identity.tokens
    token = factories.token(session, tokens, user, scopes=frozenset(permissions))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_a_page_nobody_has_opened_is_there_in_an_outage(app: Flask, session: Session) -> None:
    """Once somebody of a scope was here, its warm pages are at hand, and only those, and only if he may see them."""
    factories.customer(session, customer_code="WARM-1")
    factories.item(session, sku="WARM-1")
    factories.location(session)
    clerk = _client(app, session, "CUSTOMER_VIEW", "ITEM_VIEW", "MASTER_DATA_VIEW")
    other = _client(app, session, "USER_VIEW")
    services: Services = app.extensions["services"]
    warmer: Warmer = app.extensions["warmer"]
    assert clerk.get("/api/auth/me").status_code == other.get("/api/auth/me").status_code == 200
    until(lambda: warmer.made >= len(FIRST_PAGES), 10, "the thread has made them")
    made = warmer.made
    warmer.once()
    assert warmer.made == made  # nothing has changed

    services.database.breaker.force_open(reason="a test", actor="test")
    answers = {page: clerk.get(page) for page in FIRST_PAGES}
    cold = clerk.get(COLD)

    assert {(each.status_code, each.headers.get("X-Degraded")) for each in answers.values()} == {(200, "stale")}
    assert [row["customer_code"] for row in answers[WARM].get_json()] == ["WARM-1"]
    assert all(b"WARM-1" in answers[page].data for page in FIRST_PAGES[2:5])
    assert all(len(answers[page].get_json()) == 1 for page in FIRST_PAGES[5:])
    assert (cold.status_code, other.get(WARM).status_code) == (503, 403)
    counted = services.response_cache.lookups
    assert (counted.value("hits"), counted.value("misses")) == (len(FIRST_PAGES), 1)


def test_a_change_makes_it_warm_anew(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change the page is not hidden for long: soon there is an answer that shows it."""
    monkeypatch.setattr(prewarm, "PAUSE", 0.5)
    monkeypatch.setattr(prewarm, "LOOK_EVERY", 0.1)
    clerk = _client(app, session, "CUSTOMER_VIEW", "CUSTOMER_CREATE")
    services: Services = app.extensions["services"]
    warmer: Warmer = app.extensions["warmer"]
    body = {"customer_code": "WARM-2", "customer_type": "BUSINESS", "business_name": "Film & Co"}
    assert clerk.get("/api/auth/me").status_code == 200
    until(lambda: warmer.made >= 2, 10)
    assert clerk.post("/api/customers", json=body).status_code == 201
    until(lambda: warmer.made >= 4, 15)
    services.database.breaker.force_open(reason="a test", actor="test")

    answer = clerk.get(WARM)

    assert [row["customer_code"] for row in answer.get_json()] == ["WARM-2"]


def test_what_depends_on_who_asks_cannot_be_warm(app: Flask) -> None:
    """An application that declares it is not built."""
    refuse_what_cannot_be_warm(app)

    @endpoint(needs=Needs(DATABASE, AUTH, stale_for=60), permission=PUBLIC, warm=({},))
    def own(session: Session, principal: Principal) -> None:
        """Depend on the caller."""

    app.view_functions["own"] = own
    with pytest.raises(RuntimeError, match="own cannot be warm"):
        refuse_what_cannot_be_warm(app)
