"""Changes that are sent again after their answer was lost: by many clients at once, by killed workers, by silence."""

import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests
import sqlalchemy
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from tests import factories
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving, until

pytestmark = pytest.mark.alone(waiting=True)

HELD = """
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
    'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER held AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION held()"""
COMMITTING = "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'"


@dataclass
class Road:
    """The application behind a road to its database that can be swallowed."""

    server: Gunicorn
    proxy: Proxy


@pytest.fixture(scope="module")
def road(
    postgres: PostgresServer, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Road]:
    """Two workers that reach their accounts directly, and the rest of the database by a proxy."""
    where = urlsplit(postgres.url)
    proxy = Proxy(where.port or 5432)
    swallowed = where._replace(netloc=where.netloc.replace(f":{where.port}", f":{proxy.port}")).geturl()
    more = {"DATABASE_URL": swallowed, "AUTH_DATABASE_URL": postgres.url, "WEB_CONCURRENCY": "2"}
    slow = {"DATABASE_DEADLINE": "1.5", "REQUEST_BUDGET": "3"}
    with serving({**settings, **more, **slow}, tmp_path_factory.mktemp("road") / "log") as server:
        yield Road(server, proxy)
    proxy.close()


@pytest.fixture
def send(road: Road, app: Flask, session: Session) -> Callable[[], requests.Response]:
    """Create a customer, always the same, with the same key."""
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
    body = {"customer_code": "C-1", "customer_type": "BUSINESS", "business_name": "Film & Co"}

    def send() -> requests.Response:
        return requests.post(f"{road.server.url}/api/customers", json=body, headers=headers, timeout=20)

    return send


def _patiently(send: Callable[[], requests.Response]) -> requests.Response:
    """Send as a good client does: the same again as long as it is told to, unless the outcome is unknown."""

    def heard() -> list[requests.Response]:
        answer = send()
        again = answer.status_code in (409, 503) and answer.json()["code"] != "outcome_unknown"
        return [] if again else [answer]

    answers: list[requests.Response] = until(heard, 20, "an answer that is one")
    return answers[0]


def _customers(session: Session) -> int:
    session.rollback()
    return int(session.scalar(text("SELECT count(*) FROM customers WHERE customer_code = 'C-1'")) or 0)


@contextmanager
def _swallowed_commit(road: Road, session: Session, engine: sqlalchemy.Engine) -> Iterator[None]:
    """Hold the next commit up until the road is swallowed, so that it is made and nobody hears of it."""
    session.execute(text(HELD))
    session.commit()
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as holder:
            holder.execute(text("SELECT pg_advisory_lock(7)"))
            yield
            until(lambda: holder.execute(text(COMMITTING)).first(), what="a commit that waits")
            road.proxy.black_hole()
            holder.execute(text("SELECT pg_advisory_unlock(7)"))
        until(lambda: _customers(session) == 1, what="the customer")
    finally:
        session.rollback()
        session.execute(text("DROP FUNCTION held CASCADE"))
        session.commit()


def _replayed(road: Road, session: Session, send: Callable[[], requests.Response]) -> requests.Response:
    """Open the road, and send the same again as soon as the application is well."""
    road.proxy.restore()
    until(lambda: road.server.answers("/health/ready?strict=1"), 20, "the application is well again")
    answer: requests.Response = until(lambda: (said := send()).status_code != 503 and said, 10, "the change is taken")
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (201, "true"), answer.text
    assert _customers(session) == 1
    return answer


def test_twenty_at_once_take_effect_once(session: Session, send: Callable[[], requests.Response]) -> None:
    """All clients that send the same at the same moment, and again when told to, get the one answer of the one row."""
    start = threading.Barrier(20)

    def one() -> requests.Response:
        start.wait()
        return _patiently(send)

    with ThreadPoolExecutor(20) as pool:
        answers = [future.result() for future in [pool.submit(one) for _ in range(20)]]

    assert {answer.status_code for answer in answers} == {201}, {answer.text for answer in answers}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    assert _customers(session) == 1


def test_a_worker_killed_before_it_answers_has_answered(
    road: Road, session: Session, engine: sqlalchemy.Engine, send: Callable[[], requests.Response]
) -> None:
    """Killed between commit and answer, a worker leaves the answer to whoever takes the same request again."""
    with ThreadPoolExecutor(1) as pool:
        with _swallowed_commit(road, session, engine):
            lost: Future[requests.Response] = pool.submit(send)
        for pid in road.server.workers():
            os.kill(pid, signal.SIGKILL)
        assert isinstance(lost.exception(), requests.ConnectionError)

    answer = _replayed(road, session, send)

    place = answer.headers["Location"]
    assert place.endswith(answer.json()["id"])


def test_an_unknown_outcome_is_settled_by_the_key(
    road: Road, session: Session, engine: sqlalchemy.Engine, send: Callable[[], requests.Response]
) -> None:
    """Who was told that the outcome is unknown sends the same again, and hears how it was."""
    with ThreadPoolExecutor(1) as pool:
        with _swallowed_commit(road, session, engine):
            unknown: Future[requests.Response] = pool.submit(_patiently, send)
        assert (unknown.result().status_code, unknown.result().json()["code"]) == (503, "outcome_unknown")

    _replayed(road, session, send)
