"""What operators look at: the system, its database, the health of a worker; and what they cannot destroy."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

pytestmark = pytest.mark.usefixtures("seeded")
DATABASE = "/api/admin/database"


def test_the_system_is_summed_up(app: Flask, signed_in: Caller) -> None:
    """Counts, version and time zone, with two statements at most; memory in percent, times in milliseconds."""
    client = signed_in("SYSTEM_VIEW")
    client.get("/api/system/info")

    with statements(app) as sent:
        found = client.get("/api/system/info").get_json()

    assert len(sent) <= 2
    assert (found["settings_count"], found["backups_count"], found["timezone"]) == (22, 0, "Asia/Kolkata")
    health = found["system_health"]
    assert health["status"] == "healthy"
    assert 0 < health["memory_usage"] < 100
    assert 0 < health["response_time"] < 5000
    assert health["uptime"].endswith(" min")


def test_the_database_is_described(signed_in: Caller, session: Session) -> None:
    """Its size, tables and rows, and that it answers."""
    session.execute(text("ANALYZE companies"))
    session.commit()
    client = signed_in()

    status = client.get(f"{DATABASE}/status").get_json()
    tables = {each["name"]: each for each in client.get(f"{DATABASE}/tables").get_json()}

    assert (status["success"], status["connected"], status["last_backup"]) == (True, True, None)
    assert status["tables"] == len(tables) > 50
    assert status["size_mb"] > 1
    assert tables["companies"]["records"] == 1
    assert client.get(f"{DATABASE}/test-connection").get_json()["connected"] is True
    progress = client.get(f"{DATABASE}/reset/progress").get_json()
    assert (progress["success"], progress["status"], progress["progress"]) == (True, "idle", 0)
    logs = client.get(f"{DATABASE}/logs?limit=1").get_json()
    assert [set(each) for each in logs] == [{"timestamp", "level", "message", "error"}]


@pytest.mark.parametrize("what", ["reset", "clear-tables"])
def test_nothing_is_destroyed_by_request(signed_in: Caller, session: Session, what: str) -> None:
    """Not even a superuser's wish empties a table: 403 with a code of its own."""
    body = {"confirm": "RESET DATABASE", "tables": ["companies"]}

    refused = refusal(signed_in().post(f"{DATABASE}/{what}", json=body), 403)

    assert refused["code"] == "disabled"
    assert session.scalar(text("SELECT count(*) FROM companies")) == 1


def test_the_health_of_a_worker_is_for_operators(client: FlaskClient, signed_in: Caller) -> None:
    """Host, origins and parts are shown to whoever may see the system, and to nobody else."""
    refusal(client.get("/api/health/detailed"), 401)
    refusal(signed_in("CUSTOMER_VIEW").get("/api/health/detailed"), 403)

    found = signed_in("SYSTEM_VIEW").get("/api/health/detailed").get_json()

    assert {each["name"]: each["status"] for each in found["checks"]} == dict.fromkeys(
        ("database", "redis", "auth"), "healthy"
    )
    assert "settings" in {each["name"] for each in found["import_status"]}
    assert found["configuration"]["cors_origins"] == ["https://www.omomrentals.shop"]
    assert found["system_info"]["python_version"].startswith("3.")


def test_without_a_database_the_currency_is_still_told(build: Callable[..., Flask]) -> None:
    """By a worker that never saw the database, marked as partial; for the details nobody can be let in."""
    app = build(DATABASE_URL="postgresql://127.0.0.1:1/none")
    app.extensions["services"].start()
    app.extensions["services"].wait_until_settled(5)

    refused = app.test_client().get("/api/health/detailed")

    assert refused.status_code == 401  # nobody is let in, and nothing hangs
    assert app.test_client().get("/api/system-settings/currency").get_json()["code"] == "INR"
    assert app.test_client().get("/api/system-settings/currency").headers["X-Degraded"] == "partial"
