"""The level of the log, ordered by command: in all four workers at once."""

import json
import time
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import PASSWORD, Shop
from tests.faults.test_steering import WORKERS, _flask
from tests.serving import serving, until

pytestmark = pytest.mark.alone


@pytest.mark.full
def test_the_level_of_the_log_changes_in_all_workers_at_once(shop: Shop, tmp_path: Path) -> None:
    """After the answer each of four workers writes the line of its next request, and no more when it is over.

    Nothing secret is in what they write at the most talkative level; the log is searched when they have ended.
    """
    environ = shop.environ(WEB_CONCURRENCY=str(WORKERS), JOURNAL_FOLDER=str(tmp_path / "journal"))
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
