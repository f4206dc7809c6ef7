"""Everything a fault can befall: real servers, roads to them that can fail, and the application before them."""

import contextlib
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import requests

from deploy.private.servers import PostgresServer, RedisServer
from tests.conftest import migrate
from tests.proxy import Proxy
from tests.serving import ROOT, Gunicorn, serving, until

PASSWORD = "a password of the fault suite"
WORKERS = 4
SMALL_DISK = 64 * 2**20
ANY_CODE = """
CREATE FUNCTION any_code() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.customer_code := left(gen_random_uuid()::text, 20); RETURN NEW; END';
CREATE TRIGGER any_code BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION any_code()"""


@dataclass(frozen=True, slots=True, order=True)
class Transition:
    """What a breaker did, at a monotonic time."""

    at: float
    breaker: str
    before: str
    after: str


@dataclass
class Stage:
    """The application on four workers. `database`, `accounts` and `cache` are its roads to the servers."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    spare: RedisServer
    database: Proxy
    accounts: Proxy
    cache: Proxy
    server: Gunicorn

    @property
    def clock(self) -> Path:
        """The file that says how far off the application's wall clock is."""
        return self.folder / "clock"

    def step_clock(self, seconds: float) -> None:
        """Put the application's wall clock so far off the true one."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def admin(self) -> psycopg.Connection:
        """A superuser's connection around all roads, allowed to write whatever the default is."""
        options = "-c default_transaction_read_only=off"
        return psycopg.connect(self.postgres.url, autocommit=True, options=options)

    def sign_in(self) -> str:
        """Return a new access token of the administrator."""
        body = {"username": "admin", "password": PASSWORD}

        def token() -> str:
            answer = requests.post(f"{self.server.url}/api/auth/login", json=body, timeout=10)
            return str(answer.json().get("access_token", ""))

        return str(until(token, what="a sign-in"))

    def transitions(self) -> set[Transition]:
        """Return the last transitions of every breaker."""
        offset = time.monotonic() - datetime.now().timestamp()
        return {
            Transition(
                datetime.fromisoformat(event["at"]).timestamp() + offset, breaker["name"], event["from"], event["to"]
            )
            for breaker in requests.get(f"{self.server.url}/health/breakers", timeout=5).json()["breakers"]
            for event in breaker["events"]
        }

    def well(self) -> bool:
        """Whether every dependency is in use."""
        return self.server.answers("/health/ready?strict=1")


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set everything up, and clear it away after the block."""
    with ExitStack() as stack:
        postgres = PostgresServer(folder / "postgres", port=0)
        redis, spare = (RedisServer(folder / name, port=0) for name in ("redis", "spare"))
        spare.prepare()
        (folder / "redis").mkdir()
        (folder / "redis" / "password").write_text(spare.password)  # who fails over finds the same password there
        for server in (postgres, redis, spare):
            server.start()
            stack.callback(server.stop)
        _furnish(postgres)
        roads = [stack.enter_context(closing(Proxy(each.port or 0))) for each in (postgres, postgres, redis)]
        environ = _environ(folder, postgres, redis, roads)
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", "create-admin"],
            cwd=ROOT, env={**os.environ, **environ}, check=True, capture_output=True,
        )  # fmt: skip
        server = stack.enter_context(serving(environ, folder / "gunicorn.log"))
        yield Stage(folder, postgres, redis, spare, *roads, server)


def _furnish(postgres: PostgresServer) -> None:
    """Bring the database to where the suite begins.

    Each row of a customer gets a code of its own, so that nothing but the key of a request keeps it from doubling.
    """
    migrate(postgres.url)
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(ANY_CODE)


def _environ(folder: Path, postgres: PostgresServer, redis: RedisServer, roads: list[Proxy]) -> dict[str, str]:
    (folder / "clock").write_bytes(struct.pack("d", 0.0))
    database, accounts, cache = roads
    return {
        "ENVIRONMENT": "test",
        "SECRET_KEY": "a key for the fault suite, long enough",
        "DATABASE_URL": postgres.url.replace(f":{postgres.port}/", f":{database.port}/"),
        "AUTH_DATABASE_URL": postgres.url.replace(f":{postgres.port}/", f":{accounts.port}/"),
        "REDIS_URL": redis.url.replace(f":{redis.port}/", f":{cache.port}/"),
        "ADMIN_PASSWORD": PASSWORD,
        "WEB_CONCURRENCY": str(WORKERS),
        "LOG_LEVEL": "WARNING",
        "AUTH_FRESH": "1",  # so that a fault of a few seconds is noticed
        "JOURNAL_FOLDER": str(folder / "journal"),
        "CLOCK": str(folder / "clock"),
        "PYTHONPATH": str(Path(__file__).parent / "clock"),
    }


def wait_until_well(stage: Stage, seconds: float = 20) -> None:
    """Return when every worker uses every dependency."""
    until(stage.well, seconds, "everything is in use again")
