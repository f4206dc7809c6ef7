"""The history that customers see: it follows real outages by itself, and survives whatever ends the service."""

import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from rental_backend.infra.status_history.detector import CLOSE_AFTER, OPEN_AFTER
from tests.faults.conftest import PASSWORD, Shop
from tests.serving import Gunicorn, serving, until

pytestmark = pytest.mark.alone

NOWHERE = {"DATABASE_URL": "postgres://x:y@127.0.0.1:1/z", "REDIS_URL": "redis://127.0.0.1:1/0"}
SLACK = 20.0  # seconds that a busy machine may take longer


def _status(server: Gunicorn) -> dict[str, Any]:
    said: dict[str, Any] = requests.get(f"{server.url}/status.json", timeout=5).json()
    return said


def _seen(server: Gunicorn, component: str = "catalogue") -> int:
    """Return for how many seconds of the last 90 days a component was observed."""
    (found,) = [each for each in _status(server)["components"] if each["id"] == component]
    return sum(bucket["observed_seconds"] for bucket in found["history"]["quarter"]["buckets"])


def _say(server: Gunicorn, id: str) -> None:
    body = {"username": "admin", "password": PASSWORD}
    token = requests.post(f"{server.url}/api/auth/login", json=body, timeout=10).json()["access_token"]
    said = {"status": "monitoring", "body": "The server was frozen."}
    path = f"{server.url}/api/operations/incidents/{id}/updates"
    assert requests.post(path, json=said, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 200


def _outage(shop: Shop, server: Gunicorn) -> dict[str, Any]:
    """Freeze the database until there is an incident; return that when it has closed by itself."""
    shop.postgres.freeze()
    try:
        (opened,) = until(lambda: _status(server)["incidents"], OPEN_AFTER / 1000 + SLACK, "an incident opens")
        assert (opened["status"], opened["impact"]) == ("investigating", "critical")
        os.kill(server.workers()[0], signal.SIGKILL)  # the other goes on looking
        seen = _seen(server)
        until(lambda: _seen(server) > seen + 5, 20, "the components are looked at")
    finally:
        shop.postgres.thaw()
    until(lambda: server.answers("/health/ready?strict=1"), 20, "all is well")
    _say(server, opened["id"])
    past = until(lambda: _status(server)["past_incidents"], CLOSE_AFTER / 1000 + SLACK, "it closes by itself")
    (closed,) = past
    assert closed["id"] == opened["id"]
    assert [each["status"] for each in closed["incident_updates"]] == ["resolved", "monitoring", "investigating"]
    return dict(closed)


@pytest.mark.full
def test_an_outage_is_remembered_whatever_ends_the_service(shop: Shop, tmp_path: Path) -> None:
    """Its incident opens and closes by itself; kill -9 loses it neither with everything down nor with the disk."""
    folder, fresh = (str(tmp_path / name) for name in ("journal", "fresh"))
    with serving(shop.environ(JOURNAL_FOLDER=folder), shop.log()) as server:
        closed = _outage(shop, server)
        until(lambda: _told(shop), 90, "the database is told")
        seen = _seen(server)
        os.killpg(server.process.pid, signal.SIGKILL)

    with serving(shop.environ(JOURNAL_FOLDER=folder, **NOWHERE), shop.log(), ready=False) as server:
        said = until(lambda: _whole(server), what="the first look")
        assert said["past_incidents"] == [closed]
        assert _seen(server) >= seen - 20  # the file is written every 15 s
        assert said["status"]["indicator"] == "critical"
        os.killpg(server.process.pid, signal.SIGKILL)

    with serving(shop.environ(JOURNAL_FOLDER=fresh), shop.log()) as server:
        until(lambda: _status(server)["past_incidents"] == [closed], 20, "the database tells what was")
        assert _seen(server) >= seen - 70  # the database is told every minute
        assert _status(server)["status"]["indicator"] == "none"


def _whole(server: Gunicorn) -> dict[str, Any] | None:
    said = _status(server)
    return said if said["past_incidents"] else None


def _told(shop: Shop) -> bool:
    """Whether the database knows that the incident is over."""
    with psycopg.connect(shop.postgres.url) as connection:
        found = connection.execute("SELECT document->>'status' FROM status_incidents").fetchall()
    return found == [("resolved",)]
