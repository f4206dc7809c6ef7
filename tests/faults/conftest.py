"""Servers that may be frozen and killed, and a real gunicorn before them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.config import driver_url
from tests import factories
from tests.cluster import start_at_newest
from tests.conftest import migrate
from tests.serving import Gunicorn, serving, until

PASSWORD = factories.PASSWORD
CLERK = "clerk"  # who looks at customers and locations, and changes nothing


@dataclass
class Shop:
    """A shop with its own servers."""

    postgres: PostgresServer
    redis: RedisServer
    folder: Path

    def environ(self, **more: str) -> dict[str, str]:
        """The environment that serves it."""
        return {
            "ENVIRONMENT": "test",
            "SECRET_KEY": "a key for the outage tests, long enough",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "ADMIN_PASSWORD": PASSWORD,
            "WEB_CONCURRENCY": "2",
            "LOG_LEVEL": "WARNING",
            **more,
        }

    def log(self) -> Path:
        """A file for gunicorn's output."""
        return self.folder / "gunicorn.log"


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A migrated shop, an administrator and a clerk; its database is durable, or a kill would lose what it accepted."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(
        start_at_newest(folder / "postgres", migrate, durable=True),
        RedisServer(folder / "redis", port=0),
        folder,
    )
    shop.redis.start()
    engine = create_engine(driver_url(shop.postgres.url))
    with Session(engine) as session:
        factories.user(session, username="admin", is_superuser=True, password=factories.shipped())
        may = ("CUSTOMER_VIEW", "MASTER_DATA_VIEW")
        factories.user(session, username=CLERK, permissions=may, password=factories.shipped())
    engine.dispose()
    yield shop
    shop.redis.stop()
    shop.postgres.stop()


@pytest.fixture(scope="module")
def served(shop: Shop) -> Iterator[Gunicorn]:
    """The shop served by two workers, for tests that leave everything as it was."""
    with serving(shop.environ(), shop.log()) as server:
        yield server


@pytest.fixture
def server(served: Gunicorn) -> Gunicorn:
    """The shop served by two workers, everything up."""
    until(lambda: served.answers("/health/ready?strict=1"), what="everything is up")
    return served


def sign_in(url: str, username: str = "admin") -> str:
    """Return an access token of somebody; empty if nobody is let in."""
    body = {"username": username, "password": PASSWORD}
    return str(requests.post(f"{url}/api/auth/login", json=body, timeout=10).json().get("access_token", ""))


@pytest.fixture(scope="module")
def token(served: Gunicorn) -> str:
    """An administrator's access token."""
    found = sign_in(served.url)
    assert found
    return found


@pytest.fixture(scope="module")
def clerk(served: Gunicorn) -> str:
    """The access token of somebody who changes nothing."""
    found = sign_in(served.url, CLERK)
    assert found
    return found
