"""What traces cost requests: a collector that is absent or hangs is not felt."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
import requests
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.serving import Gunicorn, free_port, serving, until

ROUNDS, EACH = 7, 400
BAR = 0.002  # seconds


@contextlib.contextmanager
def _hung() -> Iterator[str]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _ask(server: Gunicorn, client: requests.Session, number: int) -> float:
    began = time.perf_counter()
    answer = client.get(f"{server.url}/api/customers", params={"search": f"nobody {number}"}, timeout=10)
    took = time.perf_counter() - began
    assert answer.status_code == 200
    return took


@pytest.mark.full
@pytest.mark.alone
def test_a_collector_that_hangs_or_is_absent_is_not_felt(
    app: Flask, settings: dict[str, str], session: Session, tmp_path: Path
) -> None:
    """Three servers are asked in turns: p99 of those with a dead collector is that of the one without, within 2 ms."""
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)
    with contextlib.ExitStack() as stack:
        collectors = {"off": "", "hung": stack.enter_context(_hung()), "absent": f"http://127.0.0.1:{free_port()}"}
        asked: dict[str, tuple[Gunicorn, requests.Session]] = {}
        for name, collector in collectors.items():
            more = {"WEB_CONCURRENCY": "1", "JOURNAL_FOLDER": str(tmp_path / name), "LOG_LEVEL": "INFO"}
            environ = {**settings, **more, "OTEL_EXPORTER_OTLP_ENDPOINT": collector}
            server = stack.enter_context(serving(environ, tmp_path / f"{name}.log"))
            client = stack.enter_context(requests.Session())
            client.headers["Authorization"] = f"Bearer {token}"
            asked[name] = (server, client)
        p99s: dict[str, list[float]] = {name: [] for name in asked}
        for turn in range(ROUNDS + 1):
            took: dict[str, list[float]] = {name: [] for name in asked}
            for number in range(EACH):
                for name, (server, client) in asked.items():
                    took[name].append(_ask(server, client, turn * EACH + number))
            for name, seconds in took.items() if turn else ():  # the first warms them
                p99s[name].append(sorted(seconds)[int(0.99 * EACH) - 1])
        changes = {
            name: median(theirs - plain for theirs, plain in zip(found, p99s["off"], strict=True))
            for name, found in p99s.items()
        }
        until(lambda: "traces are lost" in (tmp_path / "hung.log").read_text(), 10, "that is said")
        assert "traces are lost" in (tmp_path / "absent.log").read_text()

    print(", ".join(f"{name}: p99 {median(found) * 1000:.1f} ms" for name, found in p99s.items()))
    print(", ".join(f"{name}: {changes[name] * 1000:+.2f} ms" for name in ("hung", "absent")))
    assert changes["hung"] <= BAR
    assert changes["absent"] <= BAR
