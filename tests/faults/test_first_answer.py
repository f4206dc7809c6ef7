"""How long a start takes until it answers, beside the least that Flask serves under the same gunicorn."""

import contextlib
import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.benchmarks.measure import served
from tests.platform.starting import children
from tests.proxy import Proxy
from tests.serving import until

ROUNDS = 11
MOST = 2.0  # times as long as the other


@pytest.fixture
def dark(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a shop whose PostgreSQL and Redis swallow whatever they are sent."""
    with contextlib.closing(Proxy(1)) as proxy:
        proxy.black_hole()
        silent = f"nobody:word@127.0.0.1:{proxy.port}/0"
        yield {
            "ENVIRONMENT": "test",
            "DATABASE_URL": f"postgresql://{silent}",
            "REDIS_URL": f"redis://{silent}",
            "JOURNAL_FOLDER": str(tmp_path),
        }


def first_answer(target: str, environ: dict[str, str], *, bare: bool = False) -> float:
    """Return the seconds from the start of the process to its first 200 of `/health`."""
    began = time.monotonic()
    with served(target, environ, bare=bare) as server:

        def answered() -> bool:
            with contextlib.suppress(OSError):
                return server.ask("/health") == 200
            return False

        until(answered, 30, target)
        took = time.monotonic() - began
        # Killed, since a worker that was just forked is deaf to SIGTERM, and its master would wait for it.
        for pid in (server.master, *children(server.master)):
            os.kill(pid, signal.SIGKILL)
        return took


@pytest.mark.full
@pytest.mark.alone
def test_a_start_in_a_black_hole_answers_nearly_as_soon_as_flask_can(dark: dict[str, str]) -> None:
    """The first 200 comes within twice the time that a Flask "hello" takes, in the median of starts in turns."""
    first_answer("tests.faults.hello:app", {}, bare=True)  # compiles what is not yet
    first_answer("wsgi:app", dark)
    ours, hello = [], []
    for _ in range(ROUNDS):
        hello.append(first_answer("tests.faults.hello:app", {}, bare=True))
        ours.append(first_answer("wsgi:app", dark))

    ratio = statistics.median(ours) / statistics.median(hello)
    medians = f"ours {statistics.median(ours):.2f} s, hello {statistics.median(hello):.2f} s"
    print(f"first 200 of /health: {medians}, ratio {ratio:.2f}, slowest {max(ours):.2f}, load {os.getloadavg()[0]:.1f}")
    assert ratio <= MOST
