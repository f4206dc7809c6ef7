"""The end of an instance: whoever was let in is answered, and whoever still comes while the edge learns of it, too."""

import http.client
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import sqlalchemy

from tests.faults.load import load
from tests.platform.starting import Started
from tests.serving import ROOT, until

pytestmark = pytest.mark.alone(waiting=True)

Start = Callable[..., Started]
DELAY = 2.0
QUICK = 2.0  # seconds that a worker without requests may take to end; 0.1 with nothing else on the machine


def test_a_draining_instance_says_so_and_serves(start: Start) -> None:
    """From SIGTERM on every worker says 503 for readiness, serves all else, and announces the end of connections."""
    starter = start(PRESTOP_DELAY=str(DELAY)).serves()
    kept = http.client.HTTPConnection("127.0.0.1", starter.port, timeout=5)
    kept.request("GET", "/health/ready")
    assert kept.getresponse().read()
    starter.send(signal.SIGTERM)
    began = time.monotonic()
    until(lambda: starter.ready().status_code == 503)

    kept.request("GET", "/health/ready")
    on_the_old = kept.getresponse()
    answers = [starter.ready() for _ in range(20)]
    alive = requests.get(f"{starter.url}/health/breakers", timeout=5)

    assert (on_the_old.status, on_the_old.getheader("Connection")) == (503, "close")
    assert {(each.status_code, each.json()["phase"]) for each in answers} == {(503, "draining")}
    assert (alive.status_code, alive.headers["Connection"]) == (200, "close")
    assert time.monotonic() - began < DELAY
    assert starter.ends() == 0
    assert time.monotonic() - began > DELAY


@pytest.fixture
def endless(tmp_path: Path) -> str:
    """The option of gunicorn for our configuration, and a thread in each worker that never ends."""
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(
        f"exec(open({str(ROOT / 'gunicorn.conf.py')!r}).read())\n"
        "init = post_worker_init\n"
        "def post_worker_init(worker):\n"
        "    import threading\n"
        "    init(worker)\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
    )
    return f"--config={config}"


def test_requests_in_flight_at_the_end_are_answered(
    start: Start, token: str, engine: sqlalchemy.Engine, endless: str
) -> None:
    """Eight requests that wait for the database when gunicorn is told to end get their answers, and then it ends.

    Workers are gone at once when there is nothing to answer any more, whatever still runs in them.
    """
    starter = start(endless, PRESTOP_DELAY="0", DATABASE_DEADLINE="25", REQUEST_BUDGET="30").serves()
    workers = starter.workers()
    url, headers = f"{starter.url}/api/customers", {"Authorization": f"Bearer {token}"}
    assert requests.get(url, headers=headers, timeout=10).status_code == 200
    answers: list[int] = []

    def ask() -> None:
        body = {"customer_code": f"C-{threading.get_ident()}", "customer_type": "BUSINESS", "business_name": "Film"}
        answers.append(requests.post(url, json=body, headers=headers, timeout=40).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE customers IN SHARE MODE")  # reads pass, in the background too
        for thread in threads:
            thread.start()
        until(lambda: _waiting(engine) == len(threads), 20, "all wait for the table")
        starter.send(signal.SIGTERM)
        until(lambda: starter.said("Handling signal: term"))
        assert answers == []
    for thread in threads:
        thread.join()
    answered = time.monotonic()
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20)

    print(f"workers gone after {time.monotonic() - answered:.2f} s")
    assert answers == [201] * len(threads)
    assert time.monotonic() - answered < QUICK
    assert starter.ends() == 0


def _waiting(engine: sqlalchemy.Engine) -> int:
    with engine.connect() as connection:
        question = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'customers'::regclass"
        return int(connection.exec_driver_sql(question).scalar_one())


@pytest.mark.full
def test_a_load_loses_nothing_until_the_door_is_closed(start: Start, token: str) -> None:
    """Of all requests made before gunicorn closes its door, and in flight then, each is answered."""
    starter = start(PRESTOP_DELAY="1").serves()

    with load(starter.port, token, readers=6, writers=2) as running:
        until(lambda: len(running.seen) > 100, 20)
        starter.send(signal.SIGTERM)
        told = time.monotonic()
        assert starter.ends() == 0

    before = running.between(0, told + 0.95)
    assert len([each for each in before if each.began > told]) > 20
    assert [each.status for each in before if each.status not in (200, 201)] == []


@pytest.mark.full
def test_an_instance_that_is_told_to_end_at_its_start_does(start: Start) -> None:
    """There is nothing to drain before the database was migrated, so nothing is waited for."""
    starter = start(PRESTOP_DELAY="600", MIGRATE_AT_START="1", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    until(lambda: starter.ready().status_code == 503, 20)

    starter.send(signal.SIGTERM)

    assert starter.ends() == 0
