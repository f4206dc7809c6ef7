"""The currency and the time zone: chosen once, told everywhere, and there after a restart."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.web.query.days import ZONE as DAYS_OF
from tests.accounts.administering import logged
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("seeded")
PUBLIC = "/api/system-settings/currency"
ZONE = "/api/system/timezone"


def test_the_currency_is_public_and_cheap(app: Flask, client: FlaskClient) -> None:
    """Nobody has to sign in, both spellings are there, and the database is not asked."""
    until(app.extensions["services"].settings_cache.cached, 2)

    with statements(app) as sent:
        told = client.get(PUBLIC).get_json()

    assert sent == []
    assert (told["code"], told["currency_code"], told["symbol"]) == ("INR", "INR", "₹")
    assert (told["name"], told["description"], told["is_default"]) == ("Indian Rupee", "Indian Rupee", True)


@pytest.mark.parametrize("path", ["/api/system/currency", PUBLIC])
def test_the_currency_is_changed(
    build: Callable[..., Flask], client: FlaskClient, signed_in: Caller, seeded: Session, path: str
) -> None:
    """By either path; told by both, by the company and the settings, in a process started afterwards too; logged."""
    admin = signed_in()

    changed = admin.put(path, json={"currency_code": "usd", "description": "Dollars"})

    assert (changed.status_code, changed.get_json()["symbol"]) == (200, "$")
    until(lambda: client.get(PUBLIC).get_json()["code"] == "USD", 1)
    until(lambda: admin.get("/api/system/currency").get_json()["code"] == "USD", 1)
    assert admin.get("/api/system/company").get_json()["currency_code"] == "USD"
    assert [each[2] for each in logged(seeded)] == ["currency"]
    started = build()
    started.extensions["services"].start()
    until(lambda: started.test_client().get(PUBLIC).get_json()["code"] == "USD", 5)


@pytest.mark.parametrize("body", [{}, {"currency_code": "XYZ"}, {"currency_code": 5}, {"currency_code": "US Dollar"}])
def test_what_is_no_currency_is_refused(signed_in: Caller, body: dict[str, Any]) -> None:
    """One that is not known, and none at all."""
    refusal(signed_in().put("/api/system/currency", json=body), 422, fields=("currency_code",))


def test_the_currencies_to_choose_from(signed_in: Caller) -> None:
    """Ten, of which the one in force is marked."""
    found = signed_in("SYSTEM_CONFIG").get("/api/system/currency/supported").get_json()

    assert len(found) == 10
    assert [each["code"] for each in found if each["is_default"]] == ["INR"]


def test_the_time_zone_is_one_under_two_names(signed_in: Caller, seeded: Session) -> None:
    """A change under either name is told under both, is what the settings page shows, and a reset takes it back."""
    client = signed_in()

    changed = client.put(f"{ZONE}/settings", json={"system_timezone": "Europe/Paris"}).get_json()

    assert (changed["system_timezone"], changed["task_scheduler_timezone"]) == ("Europe/Paris", "Europe/Paris")
    assert client.get("/api/system/settings/task_scheduler_timezone").get_json()["setting_value"] == "Europe/Paris"
    until(lambda: client.get(f"{ZONE}/current").get_json()["system_timezone"] == "Europe/Paris", 1)
    client.put(f"{ZONE}/settings", json={"task_scheduler_timezone": "Asia/Kathmandu"})
    until(lambda: client.get(f"{ZONE}/info").get_json()["utc_offset"] == "+05:45", 1)
    assert client.post(f"{ZONE}/reset").get_json()["system_timezone"] == "Asia/Kolkata"
    assert [each[2] for each in logged(seeded)] == ["task_scheduler_timezone"] * 3


def test_lists_know_the_time_zone_in_force(app: Flask, signed_in: Caller) -> None:
    """Every session of the application tells it to lists with ranges of days, right after a change."""
    database = app.extensions["services"].database

    def told() -> Any:
        with database.reading() as session:
            return session.info[DAYS_OF](session)

    assert told() == "Asia/Kolkata"
    signed_in().put(f"{ZONE}/settings", json={"system_timezone": "Europe/Paris"})
    assert told() == "Europe/Paris"


def test_the_time_now_is_told_in_both_zones(signed_in: Caller) -> None:
    """UTC and the zone's own time are the same moment."""
    told = signed_in("SYSTEM_CONFIG").get(f"{ZONE}/current").get_json()

    utc, there = (datetime.fromisoformat(told[f"current_{name}_time"]) for name in ("utc", "system"))
    assert utc == there
    assert (str(utc.utcoffset()), str(there.utcoffset())) == ("0:00:00", "5:30:00")
    assert "Asia/Kolkata" in told["available_timezones"]


@pytest.mark.parametrize(
    "body",
    [{}, {"system_timezone": "Mars/Olympus"}, {"system_timezone": "UTC", "task_scheduler_timezone": "Asia/Tokyo"}],
)
def test_what_is_no_time_zone_is_refused(signed_in: Caller, body: dict[str, str]) -> None:
    """None, one that does not exist, two at once."""
    refusal(signed_in().put(f"{ZONE}/settings", json=body), 422, fields=("system_timezone",))


def test_time_zones_are_offered_and_looked_at(signed_in: Caller) -> None:
    """The list of offers, names with a slash, and the health of the one in force."""
    client = signed_in("SYSTEM_CONFIG")

    assert {"name": "Asia/Tokyo", "label": "Asia/Tokyo (UTC+09:00)"} in client.get(f"{ZONE}/available").get_json()
    assert client.get(f"{ZONE}/validate/Asia/Kolkata").get_json()["is_valid"] is True
    assert client.get(f"{ZONE}/validate/Mars/Olympus").get_json()["is_valid"] is False
    assert client.get(f"{ZONE}/health").get_json()["is_valid"] is True


def test_a_moment_is_told_in_another_time_zone(signed_in: Caller) -> None:
    """A moment without a zone is of `from_timezone`; it is told in `to_timezone`, or where the business is."""
    client = signed_in("SYSTEM_CONFIG")

    def told(**asked: str) -> Any:
        return client.get(f"{ZONE}/conversion", query_string=asked)

    assert told(datetime_str="2024-01-29T10:30:00").get_json()["converted"] == "2024-01-29T16:00:00+05:30"
    paris = told(datetime_str="2024-07-29T10:30:00", from_timezone="Asia/Tokyo", to_timezone="Europe/Paris")
    assert paris.get_json()["converted"] == "2024-07-29T03:30:00+02:00"
    refusal(told(datetime_str="2024-01-29T10:30:00", to_timezone="Mars"), 422, fields=("to_timezone",))
    refusal(told(datetime_str="soon"), 422, fields=("datetime_str",))
    refusal(told(datetime_str="0001-01-01T00:00:00", from_timezone="Asia/Tokyo"), 422, fields=("datetime_str",))
