"""Clients that keep the server waiting keep nobody else waiting, and are ended in time."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.accounts.auth.sign_in_flood import Answers, look_on
from tests.faults.load import quantile
from tests.serving import Gunicorn, serving, until
from tests.web.operations.slow_clients import Kind, SlowClient, ask_anew, besiege, kinds

PATIENCE = 1.0  # seconds
CROWD, SIEGE, READERS, SECONDS = 4, 200, 4, 6.0
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def token(session: Session, settings: dict[str, str]) -> str:
    """A superuser's access token; there are customers to be listed."""
    for _ in range(60):
        factories.customer(session)
    return factories.superuser_token(session, settings["SECRET_KEY"])


@pytest.fixture
def server(settings: dict[str, str], tmp_path: Path) -> Iterator[Gunicorn]:
    """Two workers of two threads that lose patience soon."""
    environ = {**settings, "WEB_CONCURRENCY": "2", "WEB_THREADS": "2", "CLIENT_PATIENCE": str(PATIENCE)}
    with serving(environ, tmp_path / "log") as server:
        yield server


@pytest.mark.alone(waiting=True)
def test_slow_clients_keep_nobody_waiting_and_are_ended(server: Gunicorn, token: str) -> None:
    """Of each kind there are as many as the server has threads, and health is answered at once all the while."""
    clients = [(name, SlowClient(server.port, kind)) for name, kind in kinds(token).items() for _ in range(CROWD)]
    expected = {name: Counter({kind.ends: CROWD}) for name, kind in kinds(token).items()}
    found: dict[str, Counter[int | None]] = {}
    answers: list[float] = []

    def all_ended() -> bool:
        nonlocal found
        began = time.monotonic()
        assert server.answers()
        answers.append(time.monotonic() - began)
        for _, client in clients:
            client.look()
        found = {name: Counter(each.status for its, each in clients if its == name) for name in expected}
        return found == expected

    try:
        until(all_ended, 10 * PATIENCE)
    except AssertionError:
        assert found == expected
    for _, client in clients:
        client.sock.close()
    print(f"health was answered {len(answers)} times, the slowest after {max(answers):.3f} s")
    assert median(answers) < PATIENCE / 4


@dataclass(frozen=True, slots=True)
class Measured:
    """What readers on kept connections and those who ask for health on new ones saw, and how slow clients ended."""

    reads: Answers
    health: Answers
    ends: Counter[int | None]
    processor: float

    @property
    def cost(self) -> float:
        """Milliseconds of a processor in the workers for each answer, whatever else the machine does."""
        return 1000 * self.processor / len([*self.reads, *self.health])

    def reads_at(self, share: float) -> float:
        """Milliseconds."""
        return 1000 * quantile([took for *_, took in self.reads], share)

    @property
    def health_p99(self) -> float:
        """Milliseconds."""
        return 1000 * quantile([took for *_, took in self.health], 0.99)

    @property
    def lost(self) -> int:
        """Requests of well-behaved clients without a good answer."""
        return sum(status != 200 for _, status, _ in (*self.reads, *self.health))


def _measure(pool: ProcessPoolExecutor, server: Gunicorn, token: str, kind: Kind | None) -> Measured:
    begins, port, processor = time.time() + 2, server.port, server.processor_time()
    slow = pool.submit(besiege, port, kind, SIEGE, begins - 1.5, SECONDS + 1.5) if kind else None
    reads = pool.submit(look_on, port, "/api/customers?limit=50", token, begins, READERS, 0.02, SECONDS)
    health = pool.submit(ask_anew, port, "/health", begins, SECONDS)
    answers = reads.result(60), health.result(60), slow.result(60) if slow else Counter()
    return Measured(*answers, server.processor_time() - processor)


def _line(name: str, siege: Measured, calm: Measured, after: Measured) -> tuple[str, bool]:
    """Return the figures of a siege over those of the calms around it, and whether they are good."""
    health, half, most, cost = (
        (of(siege), (of(calm) + of(after)) / 2)
        for of in (lambda x: x.health_p99, lambda x: x.reads_at(0.5), lambda x: x.reads_at(0.99), lambda x: x.cost)
    )
    figures = "".join(f" {one:6.1f}/{other:6.1f}" for one, other in (health, half, most, cost))
    good = not siege.lost and health[0] <= max(50, 1.5 * health[1])
    good &= half[0] <= 1.5 * half[1]  # what it costs is told only: clients who take nothing have pages made for them
    return f"{name:32} {siege.ends.total():6}{figures} {siege.lost:5}", good


@pytest.mark.full
@pytest.mark.alone
def test_two_hundred_slow_clients_of_each_kind_are_hardly_noticed(
    settings: dict[str, str], token: str, tmp_path: Path
) -> None:
    """Beside 200 of a kind health answers within 50 ms (p99), reads take at most 1.5 times as long, and none is lost.

    Each kind is between two calms. Slow clients are ended after two seconds and come again at once. All clients share
    the processors with the server, and so does whatever else the machine does, which the calms have as well.
    """
    environ = {**settings, "WEB_CONCURRENCY": "2", "CLIENT_PATIENCE": "2", "RATE_STRANGERS": "0", "RATE_TRANSFERS": "0"}
    environ["GUNICORN_CMD_ARGS"] = "--max-requests 0"  # no worker is replaced while it is measured
    missed = []
    with serving(environ, tmp_path / "log") as server, ProcessPoolExecutor(3, mp_context=SPAWN) as pool:
        for job in [pool.submit(look_on, server.port, "/health", "", time.time(), 1, 0.01, 0.5) for _ in range(3)]:
            job.result(60)  # starts the processes of the clients
        calm = _measure(pool, server, token, None)
        print(f"{'':32}  ended   /health p99     reads p50     reads p99  processor ms  lost")
        for name, kind in kinds(token).items():
            siege, after = _measure(pool, server, token, kind), _measure(pool, server, token, None)
            line, good = _line(name, siege, calm, after)
            print(line, flush=True)
            if not good or siege.ends.total() < (SIEGE if kind.ends is not None else 0):
                missed.append(name)
            assert siege.ends.keys() <= {kind.ends}, name
            calm = after
    assert missed == []
