"""The numbers of requests against those of who sent them: equal, over workers, their replacement and their deaths."""

import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.monitoring.load import Key, send, told
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving, until

pytestmark = pytest.mark.long

DARK = {
    "ENVIRONMENT": "test",
    "SECRET_KEY": "a key for the tests of metrics, long enough",
    "DATABASE_URL": "postgresql://nobody:word@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "LOG_LEVEL": "ERROR",
    "WEB_CONCURRENCY": "4",
    "WEB_THREADS": "4",
}


def _replace(server: Gunicorn, number: signal.Signals) -> None:
    """End all workers by a signal, and wait for others."""
    before = set(server.workers())
    for pid in before:
        os.kill(pid, number)
    until(lambda: len(server.workers()) == 4 and not before & set(server.workers()), 20)
    until(lambda: _workers(server) == 4, 20)


def _workers(server: Gunicorn) -> int:
    """Return how many workers tell of themselves."""
    page = requests.get(f"{server.url}/metrics", timeout=10).text
    return int(next(line.split()[-1] for line in page.splitlines() if line.startswith("rental_workers ")))


def _compare(server: Gunicorn, sent: Counter[Key]) -> None:
    """Require that what was counted is what was sent, also by the histograms."""
    counted = told(server.url)
    del counted["GET", "/health", "200"], sent["GET", "/health", "200"]  # where the start of the server is waited for
    assert counted == sent
    by_route: Counter[Key] = Counter()
    for (method, route, _), many in sent.items():
        by_route[method, route, ""] += many
    timed = told(server.url, "rental_http_request_duration_seconds_count")
    del timed["GET", "/health", ""]
    assert timed == by_route


IN_ORDER, KILLED = signal.SIGTERM, signal.SIGKILL


@pytest.mark.parametrize(
    ("times", "ends"),
    [
        pytest.param(8, (IN_ORDER, KILLED)),
        pytest.param(250, (IN_ORDER, KILLED, IN_ORDER, KILLED), marks=pytest.mark.full),
    ],
)
def test_no_request_is_lost_or_counted_twice(tmp_path: Path, times: int, ends: tuple[signal.Signals, ...]) -> None:
    """Four workers, all replaced in good order and all killed: each method, route and code to the last one."""
    sent: Counter[Key] = Counter()
    with serving(DARK, tmp_path / "log", ready=False) as server:
        until(lambda: _workers(server) == 4)
        for number in ends:
            sent += send(server.url, times)
            _replace(server, number)
        sent += send(server.url, times)
        _compare(server, sent)

        health = sum(many for (_, route, _), many in told(server.url).items() if route == "/health")
        assert health >= 4 * times * (len(ends) + 1)
    print(f"{sum(sent.values())} requests beside {health} looks at the health, none missing, none too many")


@pytest.mark.full
def test_no_request_is_lost_while_workers_replace_themselves(tmp_path: Path) -> None:
    """Workers that end after so many requests, under load, each at least twice: every answer is counted."""
    environ = {**DARK, "GUNICORN_CMD_ARGS": "--max-requests 400 --max-requests-jitter 100"}
    with serving(environ, tmp_path / "log", ready=False) as server:
        until(lambda: _workers(server) == 4)
        first = set(server.workers())
        sent = send(server.url, 200)
        assert not first & set(server.workers())
        second = set(server.workers())
        sent += send(server.url, 200)
        assert not second & set(server.workers()), "each was replaced twice"
        _compare(server, sent)
    print(f"{sum(sent.values())} requests")


@pytest.mark.full
@pytest.mark.alone
def test_a_scrape_is_quick_in_a_black_hole(tmp_path: Path) -> None:
    """p99 of /metrics is 25 ms at the most with every dependency swallowing whatever it is sent."""
    took = []
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(contextlib.closing(Proxy(1)))
        proxy.black_hole()
        silent = f"nobody:word@127.0.0.1:{proxy.port}/0"
        environ = {**DARK, "DATABASE_URL": f"postgresql://{silent}", "REDIS_URL": f"redis://{silent}"}
        server = stack.enter_context(serving(environ, tmp_path / "log", ready=False))
        session = stack.enter_context(requests.Session())
        until(lambda: _workers(server) == 4)
        send(server.url, 5)
        for _ in range(500):
            began = time.monotonic()
            assert session.get(f"{server.url}/metrics", timeout=5).status_code == 200
            took.append(time.monotonic() - began)
    took.sort()
    print(f"p50 {took[250] * 1000:.1f} ms, p99 {took[495] * 1000:.1f} ms")

    assert took[495] <= 0.025
