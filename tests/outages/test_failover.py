"""The whole service while its database or its Redis fails over behind one address and no connection is cut."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis as driver
import requests
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deploy.private.servers import RedisServer
from rental_backend.config import driver_url
from tests import factories
from tests.cluster import start_at_newest
from tests.conftest import migrate
from tests.infra.failover import Failover, ask, standing
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving, until

pytestmark = pytest.mark.alone(waiting=True)

BACK = 5.0  # seconds
AFTER = 2.0  # seconds to look on
PATIENT = {"REQUEST_BUDGET": "4", "DATABASE_DEADLINE": "2", "DATABASE_CONNECT_DEADLINE": "2", "AUTH_DEADLINE": "2"}


@dataclass
class Shop:
    """A served shop, and what two clients find who change and read it without a pause."""

    server: Gunicorn
    token: str
    customer: str = ""
    writes: list[tuple[float, int]] = field(default_factory=list)
    reads: list[tuple[float, str, str]] = field(default_factory=list)

    def call(self, method: str, path: str, **body: str) -> requests.Response:
        """Make a request as a superuser."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, self.server.url + path, json=body or None, headers=headers, timeout=10)

    def write(self) -> None:
        """Create a customer."""
        code = f"W{len(self.writes)}"
        body = {"customer_code": code, "customer_type": "BUSINESS", "business_name": code}
        self.writes.append((time.monotonic(), self.call("POST", "/api/customers", **body).status_code))

    def read(self) -> None:
        """Read the one customer, with what the answer says of its age."""
        answer = self.call("GET", f"/api/customers/{self.customer}")
        name = answer.json().get("business_name", "") if answer.ok else ""
        self.reads.append((time.monotonic(), name, answer.headers.get("X-Degraded", "")))


@contextmanager
def repeated(*calls: Callable[[], None]) -> Iterator[None]:
    """Make calls without a pause, each in a thread of its own, within the block."""
    done = threading.Event()

    def work(call: Callable[[], None]) -> None:
        while not done.is_set():
            call()

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(20)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Failover]:
    """A database at the newest revision, and its standby."""
    with standing(tmp_path, lambda folder: start_at_newest(folder, migrate)) as pair:
        yield pair


@contextmanager
def opened(app: Flask, database: str, environ: dict[str, str], log: Path) -> Iterator[Shop]:
    """Serve the shop of a database by two workers; `app` has the same key."""
    engine = create_engine(driver_url(database))
    with Session(engine, expire_on_commit=False) as session:
        user = factories.user(session, is_superuser=True)
        token = factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)
        session.commit()
    engine.dispose()
    with serving({**environ, **PATIENT, "WEB_CONCURRENCY": "2", "PRESTOP_DELAY": "0"}, log) as server:
        shop = Shop(server, token)
        body = {"customer_code": "ONE", "customer_type": "BUSINESS", "business_name": "before"}
        shop.customer = shop.call("POST", "/api/customers", **body).json()["id"]
        yield shop


@pytest.mark.parametrize(
    "fenced", [pytest.param(True, id="read-only", marks=pytest.mark.full), pytest.param(False, id="writable")]
)
def test_a_database_that_fails_over_behind_one_address(
    app: Flask, settings: dict[str, str], pair: Failover, tmp_path: Path, fenced: bool
) -> None:
    """Within 5 s changes are taken by the new primary, and nothing of the old one is shown as fresh."""
    environ = {**settings, "DATABASE_URL": pair.url, "JOURNAL_FOLDER": str(tmp_path / "journal")}
    with opened(app, pair.primary.url, environ, tmp_path / "log") as shop:
        until(lambda: ask(pair.standby, "SELECT count(*) FROM customers WHERE customer_code = 'ONE'"))
        with repeated(shop.read, *([shop.write] if fenced else [])):
            until(lambda: len(shop.reads) > 20)
            pair.promote(fenced=fenced)
            began = time.monotonic()
            ask(pair.standby, "UPDATE customers SET business_name = 'after' WHERE customer_code = 'ONE'")
            until(lambda: time.monotonic() > began + BACK + AFTER, BACK + AFTER + 5)
        assert not [each for each in shop.writes if each[0] > began + BACK and each[1] != 201]
        late = [(name, degraded) for when, name, degraded in shop.reads if when > began + BACK]
        assert set(late) == {("after", "")}
        assert shop.call("PUT", f"/api/customers/{shop.customer}", business_name="changed").status_code == 200
    assert ask(pair.standby, "SELECT business_name FROM customers WHERE customer_code = 'ONE'") == "changed"


def test_a_redis_that_is_demoted_behind_one_address(
    build: Callable[..., Flask], redis: RedisServer, tmp_path: Path
) -> None:
    """Within 5 s Redis is used again, through its successor, and the breaker is closed."""
    former, successor = (RedisServer(tmp_path / name, port=0, durable=False) for name in ("former", "successor"))
    for server in (former, successor):
        server.folder.mkdir(mode=0o700)
        (server.folder / "password").write_text(redis.password)
        server.start()
    with closing(Proxy(int(former.port or 0))) as proxy:
        services = build(REDIS_URL=former.url.replace(f":{former.port}/", f":{proxy.port}/")).extensions["services"]
        services.start()
        try:
            until(lambda: services.cache.put("key", b"", seconds=60), 10)
            proxy.target = int(successor.port or 0)
            with closing(driver.Redis.from_url(former.url)) as connection:
                connection.replicaof("127.0.0.1", 1)
            until(lambda: services.cache.put("key", b"", seconds=60), BACK, "Redis takes writes again")
            until(lambda: services.cache.breaker.closed, BACK, "the breaker is closed")
            with closing(driver.Redis.from_url(successor.url)) as connection:
                assert connection.exists("key")
        finally:
            former.stop()
            successor.stop()
