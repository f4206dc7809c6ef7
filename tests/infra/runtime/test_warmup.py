"""What a new worker has done before traffic may come to it, and that it waits for nothing that is away."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import QueuePool, event

from rental_backend.errors import Unavailable
from rental_backend.infra.runtime import warmup
from rental_backend.infra.runtime.warmup import Warmup
from rental_backend.resilience import limit
from tests.conftest import PATIENT
from tests.refusals import refusal
from tests.serving import until

pytestmark = pytest.mark.alone(waiting=True)

Build = Callable[..., Flask]


class Held:
    """The connections of a pool that the warm-up holds, and the most that it held at once."""

    def __init__(self, pool: QueuePool) -> None:
        self.now = self.most = 0
        event.listen(pool, "checkout", lambda *_: self._change(1))
        event.listen(pool, "checkin", lambda *_: self._change(-1))

    def _change(self, by: int) -> None:
        if threading.current_thread().name == "warmup":  # tasks of the background use connections meanwhile
            self.now += by
            self.most = max(self.most, self.now)


@pytest.mark.parametrize(("size", "opened"), [(8, 4), (2, 2)])
def test_connections_are_open_before_it_is_settled(build: Build, size: int, opened: int) -> None:
    """Some of each pool, but no more than the pool may hold."""
    services = build(**PATIENT, DATABASE_POOL_SIZE=str(size), AUTH_POOL_SIZE="1").extensions["services"]
    pools = [services.database.pool, services.identity.database.pool]
    held = [Held(pool) for pool in pools]

    services.start()

    assert services.wait_until_settled(10)
    assert [(each.now, each.most) for each in held] == [(0, opened), (0, 1)]
    assert services.database.pool.checkedin() + services.database.pool.checkedout() >= opened  # they stay open


def test_traffic_comes_when_all_is_done(build: Build) -> None:
    """It is alive at once, and ready when the last step has been taken."""
    app = build()
    services, client, allowed = app.extensions["services"], app.test_client(), threading.Event()
    services.warmup.steps.append(allowed.wait)
    services.start()
    until(lambda: all(breaker.closed for breaker in services.breakers.values()))

    assert client.get("/health").status_code == 200
    assert refusal(client.get("/health/ready"), 503)["code"] == "not_ready"
    allowed.set()
    assert services.wait_until_settled(10)
    assert client.get("/health/ready").status_code == 200


def test_what_is_away_is_not_waited_for(build: Build) -> None:
    """Degraded is ready: nothing is opened where a breaker is open, and the rest is."""
    app = build(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    services, began = app.extensions["services"], time.monotonic()

    services.start()

    assert services.wait_until_settled(10)
    assert time.monotonic() - began < warmup.WITHIN
    assert app.test_client().get("/health/ready").json["missing"] == ["auth", "database"]


def test_a_step_that_fails_keeps_no_other_from_being_taken() -> None:
    """Neither an outage nor a mistake leaves a worker unready, and whoever waits does so within the time for all."""
    warm, allowed = Warmup(lambda: True), list[float]()

    def away() -> None:
        raise Unavailable("database", 1)

    def mistaken() -> None:
        raise KeyError

    warm.steps += [away, mistaken, lambda: allowed.append(limit(60))]
    warm.start()

    assert warm.done.wait(5)
    assert 0 < allowed[0] <= warmup.WITHIN


def test_a_worker_that_joins_others_is_warm_before_it_takes_requests() -> None:
    """The first ones take them at once, as nobody else would."""
    probed, allowed = threading.Event(), threading.Event()
    warm = Warmup(probed.is_set)
    warm.steps.append(lambda: allowed.wait(5))
    warm.start()

    warm.wait(5)
    assert not warm.done.is_set()
    probed.set()
    threading.Timer(0.1, allowed.set).start()
    warm.wait(5)
    assert warm.done.is_set()


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL])
def test_a_host_is_ready_when_all_its_workers_are(monkeypatch: pytest.MonkeyPatch, end: signal.Signals) -> None:
    """A cold neighbour counts, until it is warm; one that died, until its time is over."""
    monkeypatch.setattr(warmup, "WITHIN", 1.0 if end == signal.SIGKILL else 30.0)
    probed = threading.Event()
    warm = Warmup(probed.is_set)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
    child = os.fork()
    if not child:
        warm.start()
        signal.sigwait([signal.SIGCONT])
        probed.set()
        warm.done.wait(10)
        os._exit(0)
    try:
        until(lambda: any(warm._cold.tolist()))
        probed.set()
        warm.start()
        assert warm.done.wait(5)
        assert not warm.all_warm
        os.kill(child, end)
        until(lambda: warm.all_warm)
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCONT])
