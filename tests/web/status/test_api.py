"""What customers are told: now and of the past, in every outage, and nothing that is not their business."""

import contextlib
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import SecurityAuditLog
from rental_backend.infra import DATABASE
from rental_backend.infra.container import Services
from rental_backend.infra.identity import break_glass
from rental_backend.infra.runtime.modes import Mode
from rental_backend.infra.status_history import ComponentStatus, Impact, IncidentStatus, StatusHistory, open_incident
from tests import factories
from tests.infra.status_history.history_rows import Past, remembered
from tests.infra.timing import own_time
from tests.proxy import Proxy
from tests.refusals import refusal
from tests.serving import until

INCIDENTS = "/api/operations/incidents"
P99 = 0.025  # seconds, the bar of these in an outage
FIRE = {
    "name": "Fire <b>upstairs</b>",
    "impact": "major",
    "components": ["catalogue"],
    "status": "investigating",
    "body": "It burns & smokes.",
}
Operator = tuple[Flask, FlaskClient]


@pytest.fixture
def operator(build: Callable[..., Flask], session: Session, tmp_path: Path) -> Operator:
    """Who may steer the service, with an application of his own that has all dependencies."""
    app = build(JOURNAL_FOLDER=str(tmp_path))
    services: Services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    user = factories.user(session, permissions=("SYSTEM_MAINTENANCE",), username="ada")
    scopes = frozenset({"SYSTEM_MAINTENANCE"})
    client = app.test_client()
    token = factories.token(session, services.identity.tokens, user, scopes=scopes)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return app, client


@pytest.fixture
def idle(build: Callable[..., Flask], tmp_path: Path) -> Flask:
    """An application whose threads do not run, with all dependencies said to be there."""
    app = build(JOURNAL_FOLDER=str(tmp_path))
    for breaker in app.extensions["services"].breakers.values():
        breaker.close()
    return app


def _known(app: Flask, state: StatusHistory) -> None:
    services: Services = app.extensions["services"]
    services.status_history.change(lambda _: state)


def _status(client: FlaskClient) -> dict[str, Any]:
    said = client.get("/status.json").get_json()
    assert isinstance(said, dict)
    return said


def test_clients_of_status_pages_find_what_they_know(idle: Flask) -> None:
    """Page, status, components, incidents with updates and maintenances have the members that such clients read."""
    said = _status(idle.test_client())

    assert set(said) == {"page", "status", "components", "incidents", "scheduled_maintenances", "past_incidents"}
    assert said["page"].keys() == {"id", "name", "url", "time_zone", "updated_at"}
    assert said["page"]["url"] == "http://localhost/status"
    assert said["status"] == {"indicator": "none", "description": "All systems work"}
    assert said["incidents"] == said["scheduled_maintenances"] == said["past_incidents"] == []
    first = said["components"][0]
    assert {"id", "name", "status", "updated_at", "position", "description", "group_id"} <= first.keys()
    assert (first["id"], first["status"]) == ("catalogue", "operational")
    assert [len(first["history"][each]["buckets"]) for each in ("day", "quarter")] == [24, 90]
    assert first["history"]["day"]["uptime"] is None


def test_any_page_may_read_it_and_it_is_kept_for_seconds(idle: Flask) -> None:
    """It is open to any origin without credentials, kept for a few seconds, and not sent twice."""
    client = idle.test_client()
    answer = client.get("/status.json", headers={"Origin": "https://elsewhere.example.com"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    assert (
        client.get("/status", headers={"Origin": "https://elsewhere.example.com"}).headers.get(
            "Access-Control-Allow-Origin"
        )
        is None
    )
    for path in ("/status", "/status.json"):
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert len(packed.data) < len(client.get(path).data) / 5


def test_a_disruption_is_told_at_once_and_remembered(idle: Flask) -> None:
    """The state is that of this moment, whatever was recorded; the past is what was recorded."""
    services: Services = idle.extensions["services"]
    client = idle.test_client()
    past = Past(wall=round(time.time() * 1000) - 700_000)
    names = dict.fromkeys(each["id"] for each in _status(client)["components"])
    well = dict.fromkeys(names, ComponentStatus.OPERATIONAL)
    past.go(300, well)
    past.go(30, {**well, "catalogue": ComponentStatus.MAJOR})
    _known(idle, past.go(300, well))

    services.breakers[DATABASE].open()

    said = _status(client)
    components = {each["id"]: each for each in said["components"]}
    assert (components["catalogue"]["status"], components["stock"]["status"]) == (
        "degraded_performance",
        "major_outage",
    )
    assert said["status"]["indicator"] == "critical"
    assert 0.94 < components["catalogue"]["history"]["day"]["uptime"] < 0.96
    assert components["stock"]["history"]["day"]["uptime"] == 1.0
    assert [each["name"] for each in said["past_incidents"]] == ["Disruption: catalogue"]
    page = client.get("/status").get_data(as_text=True)
    for words in ("Much does not work", "Major outage", "Disruption: catalogue", "95.", "1 of 24 bars not as usual"):
        assert words in page


def test_nothing_of_what_is_behind_is_told(idle: Flask) -> None:
    """With everything failing for causes that name hosts and people, neither answer has a word of that."""
    services: Services = idle.extensions["services"]
    for breaker in services.breakers.values():
        breaker.force_open(reason="the secret reason", actor="ada-of-operations")
    services.modes.set(Mode.READ_ONLY, reason="the secret reason", actor="ada-of-operations")
    fire = open_incident("Fire", Impact.MAJOR, ("catalogue",), now=1, source="the-secret-host")
    _known(
        idle,
        StatusHistory().with_incidents(
            fire.with_update(IncidentStatus.IDENTIFIED, "It burns.", now=2, author="ada-of-operations")
        ),
    )
    client = idle.test_client()

    for path in ("/status", "/status.json"):
        text = client.get(path).get_data(as_text=True)
        assert "It burns." in text
        for word in ("secret", "ada-of", "redis", "postgres", 'breaker"', "database", "localhost:", "source", "author"):
            assert word not in text.lower(), (path, word)


def test_maintenance_is_said_to_be_that(idle: Flask) -> None:
    """A mode that an operator ordered is under way until it ends, and nothing is called an outage."""
    services: Services = idle.extensions["services"]
    services.modes.set(Mode.READ_ONLY, reason="new disks", actor="ada", seconds=600)

    said = _status(idle.test_client())

    (maintenance,) = said["scheduled_maintenances"]
    assert (maintenance["status"], maintenance["impact"]) == ("in_progress", "maintenance")
    assert maintenance["scheduled_for"] < said["page"]["updated_at"] < maintenance["scheduled_until"]
    assert "customers" in {each["id"] for each in maintenance["components"]}
    assert said["status"] == {"indicator": "minor", "description": "Under maintenance"}
    assert said["incidents"] == []


def test_an_incident_is_opened_told_of_and_closed_by_hand(operator: Operator, session: Session) -> None:
    """Customers read what was written, escaped, and not who wrote it; the audit log has each order and its author."""
    app, client = operator
    nobody = app.test_client()
    opened = client.post(INCIDENTS, json=FIRE)
    assert opened.status_code == 200
    key = opened.get_json()["id"]
    (shown,) = _status(nobody)["incidents"]
    assert (shown["name"], shown["status"], shown["impact"]) == (FIRE["name"], "investigating", "major")
    assert _status(nobody)["status"]["indicator"] == "major"
    page = nobody.get("/status").get_data(as_text=True)
    assert "Fire &lt;b&gt;upstairs&lt;/b&gt;" in page
    assert "It burns &amp; smokes." in page
    assert client.patch(f"{INCIDENTS}/{key}", json={"name": "Small fire", "impact": "minor"}).status_code == 200
    said = {"status": "resolved", "body": "It is out."}

    closed = client.post(f"{INCIDENTS}/{key}/updates", json=said).get_json()

    assert [each["author"] for each in closed["incident_updates"]] == ["ada", "ada"]
    after = _status(nobody)
    assert (after["incidents"], after["status"]["indicator"]) == ([], "none")
    (past,) = after["past_incidents"]
    assert (past["name"], past["impact"], past["resolved_at"] is not None) == ("Small fire", "minor", True)
    assert [each["body"] for each in past["incident_updates"]] == ["It is out.", FIRE["body"]]
    assert client.get(f"{INCIDENTS}/{key}").get_json() == client.get(INCIDENTS).get_json()["incidents"][0] == closed
    reopened = client.post(f"{INCIDENTS}/{key}/updates", json={"status": "monitoring", "body": "Smoke."}).get_json()
    assert (reopened["resolved_at"], len(_status(nobody)["incidents"])) == (None, 1)
    log = select(SecurityAuditLog.action, SecurityAuditLog.user_name).where(SecurityAuditLog.resource_id == key)
    orders = ["INCIDENT_CHANGED", "INCIDENT_OPENED", "INCIDENT_UPDATED", "INCIDENT_UPDATED"]
    until(lambda: sorted(session.execute(log).all()) == [(order, "ada") for order in orders] or session.rollback(), 10)


UNFIT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"name": ""}, "name"),
    ({"name": "n" * 121}, "name"),
    ({"impact": "huge"}, "impact"),
    ({"status": "over"}, "status"),
    ({"body": "b" * 2001}, "body"),
    ({"components": ["redis"]}, "components"),
    ({"colour": "red"}, "colour"),
)


def test_what_is_no_incident_is_refused(operator: Operator) -> None:
    """A name, an impact, a status and a text of good length are wanted, and components that there are."""
    _, client = operator

    for change, field in UNFIT:
        assert field in refusal(client.post(INCIDENTS, json={**FIRE, **change}), 422)["errors"], change

    assert client.get(INCIDENTS).get_json()["incidents"] == []


def test_an_incident_takes_so_many_words(operator: Operator) -> None:
    """One that nobody knows is 404, and one that was spoken of thirty times is full; renaming it still works."""
    _, client = operator
    refusal(client.get(f"{INCIDENTS}/{uuid.uuid4()}"), 404)
    refusal(client.post(f"{INCIDENTS}/{uuid.uuid4()}/updates", json={"status": "resolved", "body": "x"}), 404)
    key = client.post(INCIDENTS, json=FIRE).get_json()["id"]
    for number in range(29):
        client.post(f"{INCIDENTS}/{key}/updates", json={"status": "monitoring", "body": f"Still, {number}."})

    full = client.post(f"{INCIDENTS}/{key}/updates", json={"status": "monitoring", "body": "Still."})

    assert refusal(full, 409)["code"] == "incident_full"
    assert client.patch(f"{INCIDENTS}/{key}", json={"name": "Long fire"}).status_code == 200


def test_what_is_said_twice_is_said_once(operator: Operator) -> None:
    """Who did not hear the answer and asks again makes no second incident and no second update."""
    _, client = operator
    first, again = (client.post(INCIDENTS, json=FIRE).get_json() for _ in range(2))
    assert (first["id"], len(client.get(INCIDENTS).get_json()["incidents"])) == (again["id"], 1)
    said = {"status": "monitoring", "body": "Still."}

    answers = [client.post(f"{INCIDENTS}/{first['id']}/updates", json=said).get_json() for _ in range(2)]

    assert [len(each["incident_updates"]) for each in answers] == [2, 2]
    client.post(f"{INCIDENTS}/{first['id']}/updates", json={"status": "resolved", "body": "Out."})
    assert client.post(INCIDENTS, json=FIRE).get_json()["id"] != first["id"]


def test_who_may_not_steer_says_nothing(idle: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    """Without the permission it is 403, without a token 401; nobody's word gets onto the page."""
    refusal(idle.test_client().post(INCIDENTS, json=FIRE), 401)
    refusal(signed_in("SYSTEM_VIEW").post(INCIDENTS, json=FIRE), 403)
    refusal(signed_in("SYSTEM_VIEW").get(INCIDENTS), 403)

    assert "Fire" not in idle.test_client().get("/status").get_data(as_text=True)


@pytest.mark.alone
def test_all_of_it_works_in_a_black_hole(build: Callable[..., Flask], tmp_path: Path) -> None:
    """With everything swallowing what it is sent, both take 25 ms in 99 of 100 cases, and an operator is heard."""
    with contextlib.closing(Proxy(1)) as proxy:
        proxy.black_hole()
        silent = f"nobody:word@127.0.0.1:{proxy.port}/0"
        urls = {"DATABASE_URL": f"postgresql://{silent}", "REDIS_URL": f"redis://{silent}"}
        remembered(tmp_path)
        app = build(**urls, JOURNAL_FOLDER=str(tmp_path), BREAK_GLASS_HASH=factories.HASH)
        services: Services = app.extensions["services"]
        services.start()
        client = app.test_client()
        until(lambda: "major_outage" in client.get("/status.json").get_data(as_text=True), 10)
        token = _break_glass(services)
        said = client.post(INCIDENTS, json=FIRE, headers={"Authorization": f"Bearer {token}"})
        assert said.status_code == 200
        for path in ("/status", "/status.json"):
            best = min(_p99(client, path) for _ in range(3))  # who holds the interpreter's lock may lack a processor
            print(f"{path}: p99 {best * 1000:.1f} ms")
            assert best <= P99, path
        assert re.search(r"Fire &lt;b&gt;", client.get("/status").get_data(as_text=True))


def _break_glass(services: Services) -> str:
    scopes = frozenset({"SYSTEM_MAINTENANCE"})
    tokens = services.identity.tokens
    return tokens.sign("access", break_glass.ID, "break-glass", session=uuid.uuid4(), scopes=scopes, seconds=60)[0]


def _p99(client: FlaskClient, path: str) -> float:
    return sorted(_seconds(client, path) for _ in range(200))[197]


def _seconds(client: FlaskClient, path: str) -> float:
    began = own_time()
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    return own_time() - began
