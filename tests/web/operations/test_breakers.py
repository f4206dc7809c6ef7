"""The breakers for programs and for browsers: who is told what, orders, and the places of who watches."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import SecurityAuditLog
from rental_backend.infra.container import Services
from rental_backend.infra.runtime.modes import Mode
from rental_backend.web.operations import sse as live
from tests import factories
from tests.conftest import Caller
from tests.infra.timing import own_time
from tests.proxy import Proxy
from tests.refusals import refusal
from tests.serving import until

PATH, ORDERS = "/health/breakers", "/api/operations/breakers"
ORDER = {"state": "forced-open", "reason": "a leak", "seconds": 60}
P99, AT_ONCE = 0.025, 0.005  # seconds, the bars of these pages and of /health in an outage


@pytest.fixture
def own(build: Callable[..., Flask], session: Session, tmp_path: Path) -> Iterator[tuple[Flask, FlaskClient]]:
    """An application of its own, and the client of somebody who may steer it."""
    app = build(JOURNAL_FOLDER=str(tmp_path))
    services = doors_of(app)
    services.start()
    assert services.wait_until_settled(10)
    user = factories.user(session, username="ann", permissions=("SYSTEM_MAINTENANCE",))
    token = factories.token(session, services.identity.tokens, user, scopes=frozenset({"SYSTEM_MAINTENANCE"}))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    yield app, client


def doors_of(app: Flask) -> Services:
    """Return an application's doors."""
    found: Services = app.extensions["services"]
    return found


def breaker(client: FlaskClient, name: str) -> dict[str, Any]:
    """Return what a client is told of a breaker."""
    found: list[dict[str, Any]] = client.get(PATH).get_json()["breakers"]
    return next(each for each in found if each["name"] == name)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("image/png", "application/json"),
    ],
)
def test_who_asks_gets_what_he_reads(client: FlaskClient, accept: str | None, kind: str) -> None:
    """A page for browsers, JSON for everybody else, also for who takes anything."""
    answer = client.get(PATH, headers={"Accept": accept} if accept else {})

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert "Accept" in answer.headers["Vary"]


def test_programs_are_told_all_of_a_breaker(own: tuple[Flask, FlaskClient]) -> None:
    """Counts of the host and of each worker, the next probe, what happened, and the last minutes."""
    app, client = own
    told = breaker(client, "redis")

    assert told["next_probe_in"] is None
    assert {each["worker"] for each in told["workers"]} == {client.get(PATH).get_json()["worker"]}
    assert sum(each["successes"] for each in told["workers"]) <= told["window"]["successes"] + 1
    assert (told["history"]["seconds"], len(told["history"]["points"])) == (5, 60)
    assert [each["to"] for each in told["timeline"]] == ["closed"]
    doors_of(app).breakers["redis"].open()
    assert 0 < breaker(client, "redis")["next_probe_in"] < 1


@pytest.mark.parametrize("path", [PATH, "/api/health"])
def test_looking_costs_no_look_for_each_operation(
    own: tuple[Flask, FlaskClient], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """What is down is asked a few times for the whole answer, in which no other thread of the worker has its turn."""
    app, client = own
    asked, down = [], Services.down

    def looked(services: Services) -> frozenset[str]:
        asked.append(path)
        return down(services)

    monkeypatch.setattr(Services, "down", looked)
    client.get(path)

    assert 0 < len(asked) <= 5 < len(list(app.url_map.iter_rules()))


def test_each_operation_says_what_it_misses(own: tuple[Flask, FlaskClient]) -> None:
    """And each part since when it is not as usual."""
    app, client = own
    doors_of(app).breakers["redis"].force_open(reason="x", actor="ann")

    told = client.get(PATH).get_json()

    browse = next(each for each in told["operations"] if (each["method"], each["path"]) == ("GET", "/api/customers/"))
    assert (browse["missing"], browse["answer"], browse["part"]) == (["redis"], "partial", "customers")
    assert told["features"]["customers"]["since"] == breaker(client, "redis")["down_since"]
    assert told["features"]["health"]["since"] is None


def test_details_are_for_operators(own: tuple[Flask, FlaskClient], signed_in: Caller) -> None:
    """Kinds of errors, reasons and names of operators: everybody else is told that there was an order, and no more."""
    app, client = own
    services = doors_of(app)
    services.breakers["database"].engine.transition(
        services.breakers["database"].engine.opened, "6 failures", OSError("secret")
    )
    client.put(f"{ORDERS}/redis", json=ORDER)
    client.put("/api/operations/mode", json={"mode": "read-only", "reason": "a leak"})

    for stranger in (app.test_client(), _with(app, "Bearer none"), _with(app, "Basic none")):
        for accept in ("application/json", "text/html"):
            text = stranger.get(PATH, headers={"Accept": accept}).get_data(as_text=True)
            assert not {"OSError", "a leak", "ann", "secret"} & set(text.replace(":", " ").replace('"', " ").split())
            assert "a leak" not in text
    for accept in ("application/json", "text/html"):
        text = client.get(PATH, headers={"Accept": accept}).get_data(as_text=True)
        assert "a leak" in text
        assert "OSError" in text
        assert "secret" not in text
    assert breaker(app.test_client(), "redis")["cause"] == "an operator's order"
    assert signed_in("CUSTOMER_VIEW").get(PATH).get_json()["details"] is False


def _with(app: Flask, authorization: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = authorization
    return client


@pytest.mark.parametrize("state", ["forced-open", "forced-closed", "metrics-only"])
def test_an_order_is_in_force_until_it_is_reset(own: tuple[Flask, FlaskClient], state: str) -> None:
    """It is answered with its end, is there to be read, and a reset closes."""
    _, client = own
    said = client.put(f"{ORDERS}/redis", json={**ORDER, "state": state})

    assert said.status_code == 200
    assert (said.get_json()["state"], said.get_json()["order"]["reason"]) == (state, "a leak")
    assert 55 < client.get(ORDERS).get_json()["redis"]["order"]["seconds_left"] <= 60
    reset = client.post(f"{ORDERS}/redis/reset", json={"reason": "mended"})
    assert reset.get_json() == {"state": "closed", "cause": "ann: mended", "order": None}


def test_an_order_ends_by_itself(own: tuple[Flask, FlaskClient]) -> None:
    """After its time a probe is made, and the breaker is closed again."""
    app, client = own
    client.put(f"{ORDERS}/redis", json={**ORDER, "seconds": 1})
    assert not doors_of(app).breakers["redis"].closed
    until(lambda: breaker(client, "redis")["state"] == "closed", 5)


def test_orders_are_written_down(own: tuple[Flask, FlaskClient], session: Session) -> None:
    """Who, what, why, for how long, and what was before."""
    _, client = own
    client.put(f"{ORDERS}/redis", json=ORDER)
    client.post(f"{ORDERS}/redis/reset", json={"reason": "mended"})

    def logged() -> list[SecurityAuditLog]:
        session.expire_all()
        found = session.scalars(select(SecurityAuditLog).order_by(SecurityAuditLog.timestamp))
        return [each for each in found if each.resource == "operations"]

    first, second = until(lambda: len(logged()) == 2 and logged())
    assert (first.action, first.resource_id, first.user_name) == ("BREAKER_ORDERED", "redis", "ann")
    given = {"before": "closed", "after": "forced-open", "reason": "a leak", "seconds": 60}
    assert given.items() <= (first.details or {}).items()
    assert (second.action, (second.details or {})["before"]) == ("BREAKER_RESET", "forced-open")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ORDER, "state": "open"}, "state"), ({**ORDER, "reason": ""}, "reason"),
        ({**ORDER, "seconds": 0}, "seconds"),
        ({**ORDER, "reason": "x" * 151}, "reason"), ({**ORDER, "seconds": 86401}, "seconds"),
        ({"state": "forced-open", "reason": "x"}, "seconds"),
    ],
)  # fmt: skip
def test_an_order_without_sense_is_refused(signed_in: Caller, body: dict[str, Any], field: str) -> None:
    """By name: an order has a state, a reason and an end."""
    refusal(signed_in("SYSTEM_MAINTENANCE").put(f"{ORDERS}/redis", json=body), 422, fields=(field,))


def test_who_may_not_steer_orders_nothing(signed_in: Caller, client: FlaskClient) -> None:
    """SYSTEM_MAINTENANCE in a bearer token is what it takes; a breaker that is not there is 404."""
    clerk = signed_in("SYSTEM_UPDATE")
    calls = [
        ("GET", ORDERS, None),
        ("PUT", f"{ORDERS}/redis", ORDER),
        ("POST", f"{ORDERS}/redis/reset", {"reason": "x"}),
    ]
    for method, path, body in calls:
        assert refusal(clerk.open(path, method=method, json=body), 403)["permission"] == "SYSTEM_MAINTENANCE"
        refusal(client.open(path, method=method, json=body), 401)
    steward = signed_in("SYSTEM_MAINTENANCE")
    refusal(steward.put(f"{ORDERS}/nothing", json=ORDER), 404)
    refusal(steward.post(f"{ORDERS}/nothing/reset", json={"reason": "x"}), 404)


def test_a_form_of_another_site_orders_nothing(own: tuple[Flask, FlaskClient]) -> None:
    """What a browser sends by itself, cookies included, is nobody; a form's types are no JSON even with the token."""
    app, client = own
    stranger = app.test_client()
    stranger.set_cookie("token", client.environ_base["HTTP_AUTHORIZATION"])
    refusal(stranger.post(f"{ORDERS}/redis/reset", data={"reason": "x"}), 401)
    refusal(client.post(f"{ORDERS}/redis/reset", data=json.dumps({"reason": "x"}), content_type="text/plain"), 415)
    assert "Access-Control-Allow-Origin" not in client.get(ORDERS, headers={"Origin": "https://evil.example"}).headers


def _watch(client: FlaskClient) -> Any:
    return client.get(PATH, headers={"Accept": live.EVENT_STREAM})


@pytest.mark.alone
def test_a_watcher_sees_a_change_at_once(own: tuple[Flask, FlaskClient]) -> None:
    """The page comes as an event, and again when a breaker or the mode changes."""
    app, client = own
    watching = _watch(client)
    events = watching.iter_encoded()
    assert watching.mimetype == live.EVENT_STREAM
    assert b"data: " in next(events)
    for change in (
        lambda: doors_of(app).breakers["redis"].force_open(reason="x", actor="ann"),
        lambda: doors_of(app).modes.set(Mode.READ_ONLY, reason="x", actor="ann"),
    ):
        change()
        began = time.monotonic()
        event = next(events)
        assert time.monotonic() - began < 1
    assert b"read-only mode" in event
    assert b"forced open" in event
    watching.close()


def test_few_watch_and_each_place_is_given_back(own: tuple[Flask, FlaskClient]) -> None:
    """Beyond two it is 204, and the page polls; who leaves, or only asks for the head, keeps no place."""
    _, client = own
    client.head(PATH, headers={"Accept": live.EVENT_STREAM})
    watching = [_watch(client), _watch(client)]
    assert [each.status_code for each in (*watching, _watch(client))] == [200, 200, 204]
    next(watching[0].iter_encoded())
    for each in watching:  # one has read, the other never did
        each.close()
    again = [_watch(client), _watch(client)]
    assert [each.status_code for each in again] == [200, 200]
    for each in again:
        each.close()


def test_a_stream_ends_with_its_worker_or_its_time(
    own: tuple[Flask, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds up no deployment, and no thread for long."""
    app, client = own
    watching = _watch(client)
    events = watching.iter_encoded()
    next(events)
    doors_of(app).lifecycle.ends_when(lambda: True)
    assert list(events) == []
    watching.close()
    doors_of(app).lifecycle.ends_when(lambda: False)
    monkeypatch.setattr(live, "LONGEST", 0.3)
    last = _watch(client)
    assert len(list(last.iter_encoded())) == 1
    last.close()


@pytest.mark.alone
def test_health_is_quick_in_a_black_hole(build: Callable[..., Flask]) -> None:
    """With database, Redis and accounts swallowing whatever they are sent, in 99 of 100 cases: within the bars."""
    with contextlib.closing(Proxy(1)) as proxy:
        proxy.black_hole()
        silent = f"nobody:word@127.0.0.1:{proxy.port}/0"
        client = build(DATABASE_URL=f"postgresql://{silent}", REDIS_URL=f"redis://{silent}").test_client()
        client.get("/health")
        asked = [("/health", "", AT_ONCE), ("/health/ready", "", P99), ("/api/health", "", P99)]
        asked += [(PATH, "application/json", P99), (PATH, "text/html", P99)]
        for path, accept, bar in asked:
            rounds = (_p99(client, path, accept) for _ in range(10))  # who holds the lock may lack a processor
            best = next((found for found in rounds if found <= bar), None)
            assert best is not None, f"{path} {accept}: p99 above {bar * 1000} ms in each of 10 rounds"
            print(f"{path} {accept}: p99 {best * 1000:.1f} ms")


def _p99(client: FlaskClient, path: str, accept: str) -> float:
    took = []
    for _ in range(100):
        began = own_time()
        client.get(path, headers={"Accept": accept})
        took.append(own_time() - began)
    return sorted(took)[98]
