"""Servers that may be frozen and killed, and a real gunicorn before them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from deploy.private.servers import PostgresServer, RedisServer
from tests.conftest import migrate
from tests.serving import ROOT, Gunicorn, serving

PASSWORD = "a password of the outage tests"


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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A migrated shop with an administrator; its database is durable, or a kill would lose what it had accepted."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(
        PostgresServer(folder / "postgres", port=0),
        RedisServer(folder / "redis", port=0),
        folder,
    )
    shop.postgres.start()
    shop.redis.start()
    migrate(shop.postgres.url)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "create-admin"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **shop.environ()}, check=True, capture_output=True)
    yield shop
    shop.redis.stop()
    shop.postgres.stop()


@pytest.fixture
def server(shop: Shop) -> Iterator[Gunicorn]:
    """The shop served by two workers, everything up."""
    with serving(shop.environ(), shop.log()) as server:
        yield server


@pytest.fixture
def token(server: Gunicorn) -> str:
    """An administrator's access token."""
    body = {"username": "admin", "password": PASSWORD}
    answer = requests.post(f"{server.url}/api/auth/login", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
