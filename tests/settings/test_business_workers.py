"""What is changed in one worker counts in all of them, and what one of them leaves undone is noticed by the others."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.serving import Gunicorn, serving, until
from tests.settings.backups.test_service import BACKUPS, FORM, SLOW

pytestmark = pytest.mark.usefixtures("seeded")
WORKERS = 3
NEW = "https://new.example"


@pytest.fixture
def server(settings: dict[str, str], tmp_path: Path) -> Iterator[Gunicorn]:
    """Three real workers, whose backups never end by themselves."""
    program = tmp_path / "pg_dump"
    program.write_text(SLOW)
    program.chmod(0o755)
    more = {"WEB_CONCURRENCY": str(WORKERS), "PG_BIN": str(tmp_path), "BACKUP_FOLDER": str(tmp_path / "backups")}
    with serving({**settings, **more}, tmp_path / "gunicorn.log") as server:
        yield server


@pytest.fixture
def admin(app: Flask, session: Session) -> requests.Session:
    """A client of an administrator, with a new connection for every call."""
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, app.extensions["services"].identity.tokens, user)
    client = requests.Session()
    client.headers.update({"Authorization": f"Bearer {token}", "Connection": "close"})
    return client


def _call(client: requests.Session, method: str, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what a call answers in the end; a busy machine may have refused it before (503)."""
    answer = until(lambda: client.request(method, url, json=body, timeout=5), 10, url)  # a refusal is not true
    found: dict[str, Any] = answer.json()
    return found


def _from_every_worker(server: Gunicorn, ask: Callable[[], Any]) -> set[Any]:
    """Return the different answers of all workers: as many at once as have each of them answer some."""

    def both(_: int) -> tuple[int, Any]:
        worker = requests.get(f"{server.url}/health/breakers", headers={"Connection": "close"}, timeout=5)
        return int(worker.json()["worker"]), ask()

    answers: set[Any] = set()
    workers: set[int] = set()
    ends = time.monotonic() + 20
    with ThreadPoolExecutor(12) as pool:
        while len(workers) < WORKERS:
            assert time.monotonic() < ends, f"only {workers} answer"
            for worker, answer in pool.map(both, range(24)):
                workers.add(worker)
                answers.add(answer)
    return answers


def test_a_change_counts_in_all_workers_within_a_second(server: Gunicorn, admin: requests.Session) -> None:
    """The currency, the time zone and the allow-list: a second after the answer no worker says what was before."""

    def told() -> tuple[str, str, str | None]:
        headers = {"Connection": "close", "Origin": NEW}
        currency = requests.get(f"{server.url}/api/system-settings/currency", headers=headers, timeout=5)
        zone = _call(admin, "GET", f"{server.url}/api/system/timezone/current")["system_timezone"]
        return currency.json()["code"], zone, currency.headers.get("Access-Control-Allow-Origin")

    assert _from_every_worker(server, told) == {("INR", "Asia/Kolkata", None)}
    for method, path, body in (
        ("PUT", "/api/system/currency", {"currency_code": "EUR"}),
        ("PUT", "/api/system/timezone/settings", {"system_timezone": "Europe/Paris"}),
        ("POST", "/api/system/whitelist/whitelist/cors-origins", {"origin": NEW}),
    ):
        _call(admin, method, server.url + path, body)
    changed = time.monotonic()
    until(lambda: time.monotonic() > changed + 1, 2)

    assert _from_every_worker(server, told) == {("EUR", "Europe/Paris", NEW)}


@pytest.mark.full
def test_a_backup_of_a_killed_worker_fails(server: Gunicorn, admin: requests.Session) -> None:
    """Its program ends with it, and another worker notices; then a new backup may begin."""
    path = f"{server.url}{BACKUPS}/{_call(admin, 'POST', server.url + BACKUPS, FORM)['id']}"
    assert _call(admin, "POST", f"{path}/start")["backup_status"] == "RUNNING"
    dumping, worker = until(lambda: _pair(server), 10, "the program")

    os.kill(worker, signal.SIGKILL)

    until(lambda: not Path(f"/proc/{dumping}").exists(), 5, "the end of the program")
    until(lambda: _call(admin, "GET", path)["backup_status"] == "FAILED", 40, "the failure")
    assert _call(admin, "POST", f"{path}/start")["backup_status"] == "RUNNING"
    assert _call(admin, "POST", f"{path}/cancel")["backup_status"] == "CANCELLED"


def _pair(server: Gunicorn) -> tuple[int, int] | None:
    """Return the ids of a worker's pg_dump and of that worker."""
    for worker in server.workers():
        children = Path(f"/proc/{worker}/task").glob("*/children")
        for child in " ".join(path.read_text() for path in children).split():
            if b"pg_dump" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child), worker
    return None
