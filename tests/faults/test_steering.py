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
def test_the_level_of_the_log_changes_in_all_workers_at_once(shop: Shop, environ: dict[str, str]) -> None:
    """After the answer each of four workers writes the line of its next request, and no more when it is over.

    Nothing secret is in what they write at the most talkative level; the log is searched when they have ended.
    """
    with serving(environ, shop.log()) as server:

        def asked(name: str) -> None:
            """Ask each worker, by requests that are so named."""
            seen: set[int] = set()
            while len(seen) < WORKERS:
                headers = {"Connection": "close", "X-Request-ID": f"{name}-{len(lines[name])}"}
                seen.add(requests.get(f"{server.url}/health/breakers", timeout=5, headers=headers).json()["worker"])
                lines[name].append(headers["X-Request-ID"])

        def written(name: str) -> list[str]:
            found = (json.loads(line) for line in shop.log().read_text().splitlines() if f'"{name}-' in line)
            return [line["request_id"] for line in found if line["event"] == "request"]

        lines: dict[str, list[str]] = {"before": [], "during": [], "after": []}
        asked("before")
        order = _flask(environ, server, "log-level", "debug", "--reason", "a fault", "--for", "60")
        assert order.returncode == 0, order.stderr
        asked("during")
        body = {"username": "admin", "password": PASSWORD}
        assert requests.post(f"{server.url}/api/auth/login", json=body, timeout=10).status_code == 200
        began = time.monotonic()
        assert _flask(environ, server, "log-level", "warning", "--reason", "done", "--for", "1").returncode == 0
        asked("after")
        print(f"{time.monotonic() - began:.2f} s for the command and a look at each worker")
        until(lambda: len(written("during")) == len(lines["during"]), 5, "all are written")

    assert written("before") == []
    assert sorted(written("during")) == sorted(lines["during"])
    assert written("after") == []


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
