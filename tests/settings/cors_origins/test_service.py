"""The allow-list as it is edited: what is taken, what it does, and who keeps it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy.orm import Session

from deploy.private.servers import RedisServer
from rental_backend.infra.runtime.settings_cache import KEY
from tests.accounts.administering import at_once, logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until

pytestmark = pytest.mark.usefixtures("seeded")
LIST = "/api/system/whitelist/whitelist"
SHOP = "https://www.omomrentals.shop"
NEW = "https://new.example"
AWAY = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}


def _may_call(client: FlaskClient, origin: str) -> bool:
    answer = client.get("/health", headers={"Origin": origin})
    return answer.headers.get("Access-Control-Allow-Origin") == origin


def test_an_origin_is_added_and_removed(client: FlaskClient, signed_in: Caller, seeded: Session) -> None:
    """Its pages may call within a second, no longer within a second after it was removed, and both are logged."""
    admin = signed_in("SYSTEM_CONFIG", "SYSTEM_CONFIG_UPDATE")
    assert not _may_call(client, NEW)

    added = admin.post(f"{LIST}/cors-origins", json={"origin": NEW, "category": "additional_origins"})

    assert (added.status_code, added.get_json()["origin"]) == (200, NEW)
    until(lambda: _may_call(client, NEW), 1, "the new origin")
    assert admin.get(f"{LIST}/test-origin", query_string={"origin": NEW}).get_json()["allowed"] is True
    assert admin.get(f"{LIST}/cors-origins").get_json()["added"] == [NEW]

    assert admin.delete(f"{LIST}/cors-origins", query_string={"origin": NEW}).status_code == 200
    until(lambda: not _may_call(client, NEW), 1, "the origin that was removed")
    changes = [(key, said["after"]["setting_value"]) for _, _, key, said in logged(seeded)]
    assert changes == [("cors_origins", f'["{NEW}"]'), ("cors_origins", "[]")]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("HTTPS://New.Example", NEW),
        ("https://new.example:443", NEW),
        ("http://new.example:80", "http://new.example"),
        ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(signed_in: Caller, sent: str, stored: str) -> None:
    """In small letters and without the usual port of its scheme; a second time it is a conflict."""
    client = signed_in()

    assert client.post(f"{LIST}/cors-origins", json={"origin": sent}).get_json()["origin"] == stored
    assert refusal(client.post(f"{LIST}/cors-origins", json={"origin": stored}), 409)["code"] == "origin_allowed"


@pytest.mark.parametrize(
    "wrong",
    [
        *("*", "https://*", "https://*.example", "null", "new.example", "ftp://new.example", "https://"),
        *("https://new.example/", "https://new.example/path", "https://new.example?x=1", "https://new.example#x"),
        *("https://ada@new.example", "https://new.example:0", "https://new.example:65536", "https://new.example:"),
        *(
            "https://-new.example",
            "https://new..example",
            "https://new.example https://evil.com",
            "https://nëw.example",
        ),
        *("https://" + "a" * 64 + ".example", "https://" + "a." * 130 + "example", "javascript://new.example"),
    ],
)
def test_what_is_no_origin_is_refused(signed_in: Caller, wrong: str) -> None:
    """Wildcards, paths, names without a scheme and other schemes are 422."""
    refusal(signed_in().post(f"{LIST}/cors-origins", json={"origin": wrong}), 422, fields=("origin",))


def test_what_the_deployment_allows_stays(signed_in: Caller) -> None:
    """An origin of the environment is neither added nor removed; one that nobody allows is not found."""
    client = signed_in()

    refused = client.delete(f"{LIST}/cors-origins", query_string={"origin": SHOP})
    assert refusal(refused, 409)["code"] == "origin_configured"
    assert refusal(client.post(f"{LIST}/cors-origins", json={"origin": SHOP}), 409)["code"] == "origin_allowed"
    refusal(client.delete(f"{LIST}/cors-origins", query_string={"origin": NEW}), 404)


def test_origins_that_are_added_together_are_all_there(signed_in: Caller) -> None:
    """None of eight at once is lost."""
    client = signed_in()

    def add(number: int) -> Any:
        return lambda: client.post(f"{LIST}/cors-origins", json={"origin": f"https://shop{number}.example"})

    assert at_once(*map(add, range(8))) == [200] * 8
    client.post(f"{LIST}/reload")
    until(lambda: len(client.get(f"{LIST}/cors-origins").get_json()["added"]) == 8, 1)


def test_the_ports_of_localhost_are_moved(client: FlaskClient, signed_in: Caller) -> None:
    """The new range counts instead of the configured one."""
    admin = signed_in()

    assert admin.put(f"{LIST}/localhost-range", json={"start_port": 5000, "end_port": 5001}).status_code == 200

    until(lambda: _may_call(client, "http://localhost:5001"), 1)
    assert not _may_call(client, "http://localhost:3000")
    status = admin.get(f"{LIST}/status").get_json()
    assert (status["localhost_range_enabled"], status["localhost_start_port"], status["localhost_end_port"]) == (
        True,
        5000,
        5001,
    )
    refusal(admin.put(f"{LIST}/localhost-range", json={"start_port": 2, "end_port": 1}), 422, fields=("end_port",))


def test_no_page_of_localhost_may_call_production(build: Callable[..., Flask]) -> None:
    """There a range stored before does not count."""
    services = (app := build(ENVIRONMENT="production")).extensions["services"]
    services.settings_cache.load_with(lambda _: {"cors_localhost": "3000-3010"})
    services.start()
    until(services.settings_cache.cached, 5)

    assert not _may_call(app.test_client(), "http://localhost:3000")
    assert _may_call(app.test_client(), SHOP)


def test_the_counts_and_lists_are_those_of_the_routes(signed_in: Caller) -> None:
    """Public, protected and administrative operations, and who may call a path."""
    client = signed_in()
    status, lists = client.get(f"{LIST}/status").get_json(), client.get(f"{LIST}/endpoints").get_json()

    assert {kind: len(found) for kind, found in lists.items()} == {
        kind: status[f"{kind}_endpoints_count"] for kind in ("public", "protected", "admin")
    }
    assert status["total_cors_origins"] == 1
    assert {"method": "GET", "path": "/health", "permission": "public"} in lists["public"]

    def asked(path: str) -> Any:
        return client.get(f"{LIST}/test-endpoint", query_string={"endpoint": path}).get_json()

    assert (asked("/api/health")["is_public"], asked("/api/nothing")["exists"]) == (True, False)
    permissions = {each["method"]: each["permission"] for each in asked("/api/system/settings/currency")["operations"]}
    assert permissions == {"GET": "SYSTEM_CONFIG", "PUT": "SYSTEM_CONFIG_UPDATE"}
    assert client.get(f"{LIST}/config").get_json()["configured"] == [SHOP]


@pytest.mark.parametrize("kept_in", ["redis", "file"])
def test_the_list_survives_a_start_without_the_database(
    build: Callable[..., Flask], signed_in: Caller, redis: RedisServer, app: Flask, kept_in: str
) -> None:
    """A process that starts while the database is away allows what was allowed last; with no copy only the shop."""
    signed_in().post(f"{LIST}/cors-origins", json={"origin": NEW})
    until(lambda: _may_call(app.test_client(), NEW), 2)
    file = app.extensions["services"].settings_cache.file
    with Redis.from_url(redis.url) as connection:
        if kept_in == "file":
            connection.delete(KEY)
        else:
            file.unlink()

        started = build(**AWAY)
        started.extensions["services"].start()
        until(lambda: _may_call(started.test_client(), NEW), 5, "the kept list")
        assert _may_call(started.test_client(), SHOP)

        connection.delete(KEY)
        file.unlink(missing_ok=True)
    bare = build(**AWAY)
    bare.extensions["services"].start()
    bare.extensions["services"].wait_until_settled(5)
    assert not _may_call(bare.test_client(), NEW)
    assert _may_call(bare.test_client(), SHOP)
