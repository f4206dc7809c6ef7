"""Orders to a running service: by command and by request, in all four workers at once, and over a restart."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import PASSWORD, Shop
from tests.faults.load import quantile
from tests.serving import ROOT, Gunicorn, serving, until

pytestmark = pytest.mark.alone

WORKERS = 4
SEEN_WITHIN = 0.05


def _flask(environ: dict[str, str], server: Gunicorn, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    settings = {**os.environ, **environ, "PORT": str(server.port)}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False, timeout=60)


def _worker_and_mode(server: Gunicorn) -> tuple[int, str]:
    said = requests.get(f"{server.url}/health/breakers", timeout=5, headers={"Connection": "close"}).json()
    return said["worker"], said["mode"]


@pytest.fixture
def environ(shop: Shop, tmp_path: Path) -> dict[str, str]:
    """Four workers, with a folder of their own for what is kept."""
    return shop.environ(WEB_CONCURRENCY=str(WORKERS), JOURNAL_FOLDER=str(tmp_path / "journal"))


@pytest.mark.full
def test_a_mode_is_in_force_in_all_workers_at_once(shop: Shop, environ: dict[str, str]) -> None:
    """From the answer to the order on, each of four workers is in the new mode; it is there again after a restart."""
    with serving(environ, shop.log()) as server:
        body = {"username": "admin", "password": PASSWORD}
        token = requests.post(f"{server.url}/api/auth/login", json=body, timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        took = []
        for number in range(20):
            mode = ("read-only", "normal")[number % 2]
            order = {"mode": mode, "reason": "a test"}
            began = time.monotonic()
            answer = requests.put(f"{server.url}/api/operations/mode", json=order, headers=headers, timeout=5)
            took.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
            seen: dict[int, str] = {}
            while len(seen) < WORKERS:  # the first look at each worker after the order was answered
                worker, found = _worker_and_mode(server)
                seen.setdefault(worker, found)
            assert set(seen.values()) == {mode}
        milliseconds = [seconds * 1000 for seconds in (quantile(took, 0.5), max(took))]
        print("in force in {0} of {0} workers after {1:.1f} ms, {2:.1f} at most".format(WORKERS, *milliseconds))
        assert quantile(took, 0.5) <= SEEN_WITHIN

        kept = _flask(environ, server, "mode", "read-only", "--reason", "a migration", "--for", "600", "--keep")
        assert kept.returncode == 0, kept.stderr
        assert json.loads(kept.stdout)["kept"] is True
    with serving(environ, shop.log()) as server:
        assert _worker_and_mode(server)[1] == "read-only"
        shown = _flask(environ, server, "mode")
        assert json.loads(shown.stdout)["reason"] == "a migration"
        assert _flask(environ, server, "mode", "normal").returncode != 0  # it says why, or not at all
        over = _flask(environ, server, "mode", "normal", "--reason", "over")
        assert json.loads(over.stdout)["mode"] == "normal"


@pytest.mark.full
def test_a_breaker_is_forced_in_all_workers_at_once(shop: Shop, environ: dict[str, str]) -> None:
    """When an order is answered each of four workers obeys it; and a page that is watched holds up no worker's end."""
    with serving(environ, shop.log()) as server:
        body = {"username": "admin", "password": PASSWORD}
        token = requests.post(f"{server.url}/api/auth/login", json=body, timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        path, took = f"{server.url}/api/operations/breakers/redis", []
        for number in range(20):
            began = time.monotonic()
            if number % 2:
                answer = requests.post(f"{path}/reset", json={"reason": "over"}, headers=headers, timeout=5)
            else:
                order = {"state": "forced-open", "reason": "a test", "seconds": 60}
                answer = requests.put(path, json=order, headers=headers, timeout=5)
            took.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
            wanted = ("forced-open", "closed")[number % 2]
            seen: dict[int, str] = {}
            while len(seen) < WORKERS:  # the first look at each worker after the order was answered
                worker, found = _worker_and_state(server)
                seen.setdefault(worker, found)
            assert set(seen.values()) == {wanted}
        milliseconds = [seconds * 1000 for seconds in (quantile(took, 0.5), max(took))]
        print("in force in {0} of {0} workers after {1:.1f} ms, {2:.1f} at most".format(WORKERS, *milliseconds))
        assert quantile(took, 0.5) <= SEEN_WITHIN

        watched = [_watch(server) for _ in range(WORKERS)]
        began = time.monotonic()
        server.stop()
        ended = time.monotonic() - began
        print(f"ended {ended:.1f} s after SIGTERM, with {len(watched)} watching")
        assert ended < 10  # gunicorn would wait for 30


def _worker_and_state(server: Gunicorn) -> tuple[int, str]:
    said = requests.get(f"{server.url}/health/breakers", timeout=5, headers={"Connection": "close"}).json()
    return said["worker"], next(each["state"] for each in said["breakers"] if each["name"] == "redis")


def _watch(server: Gunicorn) -> requests.Response:
    headers = {"Accept": "text/event-stream"}
    return requests.get(f"{server.url}/health/breakers", headers=headers, stream=True, timeout=5)


@pytest.mark.full
def test_a_drill_by_command_hits_all_workers_and_ends(shop: Shop, environ: dict[str, str]) -> None:
    """The breaker opens by itself and heals by itself; in production the command is refused."""
    with serving(environ, shop.log()) as server:

        def state() -> str:
            return str(requests.get(f"{server.url}/api/health", timeout=5).json()["dependencies"]["database"])

        begun = _flask(environ, server, "drill", "database", "error", "--reason", "practice", "--for", "60")
        assert begun.returncode == 0, begun.stderr
        until(lambda: state() == "open", 10, "the heartbeat fails")
        assert _flask(environ, server, "drill", "database", "end").returncode == 0
        until(lambda: state() == "closed", 10, "it heals")
    production = {**environ, "ENVIRONMENT": "production"}
    with serving(production, shop.log()) as server:
        refused = _flask(production, server, "drill", "database", "error", "--reason", "practice")
        assert refused.returncode != 0
        assert "not found" in refused.stderr.lower()
