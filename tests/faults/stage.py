"""Everything a fault can befall: real servers, roads to them that can fail, and the application before them."""

import contextlib
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
import requests

from deploy.private.servers import PostgresServer, RedisServer
from tests.faults.conftest import Shop, sign_in
from tests.proxy import Proxy
from tests.serving import Gunicorn, free_port, serving, until

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
    """The application on four workers. `database`, `accounts` and `cache` are its roads to the servers.

    `bare` is the port of a server that does nothing.
    """

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    spare: RedisServer
    database: Proxy
    accounts: Proxy
    cache: Proxy
    server: Gunicorn
    bare: int
    offset: float = field(default_factory=lambda: time.monotonic() - datetime.now().timestamp())  # one for all events

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

    def sign_in(self, username: str = "admin") -> str:
        """Return a new access token of somebody."""
        return str(until(lambda: sign_in(self.server.url, username), what="a sign-in"))

    def transitions(self) -> set[Transition]:
        """Return the last transitions of every breaker."""
        return {
            Transition(
                datetime.fromisoformat(event["at"]).timestamp() + self.offset,
                breaker["name"],
                event["from"],
                event["to"],
            )
            for breaker in requests.get(f"{self.server.url}/health/breakers", timeout=5).json()["breakers"]
            for event in breaker["events"]
        }

    def well(self) -> bool:
        """Whether every dependency is in use."""
        return self.server.answers("/health/ready?strict=1")


@contextlib.contextmanager
def stage(shop: Shop, folder: Path) -> Iterator[Stage]:
    """Serve a shop over roads that can fail, and leave it within the block as it was.

    Meanwhile each row of a customer gets a code of its own, so that nothing but the key of a request keeps it from
    doubling.
    """
    with ExitStack() as stack:
        spare = RedisServer(folder / "spare", port=0)
        spare.folder.mkdir()
        (spare.folder / "password").write_text(shop.redis.password)  # who fails over finds the same password there
        spare.start()
        stack.callback(spare.stop)
        stack.enter_context(_any_code(shop))
        ports = (shop.postgres.port, shop.postgres.port, shop.redis.port)
        roads = [stack.enter_context(closing(Proxy(port or 0))) for port in ports]
        server = stack.enter_context(serving(_environ(shop, folder, roads), folder / "gunicorn.log"))
        yield Stage(folder, shop.postgres, shop.redis, spare, *roads, server, stack.enter_context(_bare()))


@contextlib.contextmanager
def _bare() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, Path(__file__).parent / "bare.py", str(port)])
    try:
        until(lambda: requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok, what="a server that does nothing")
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _any_code(shop: Shop) -> Iterator[None]:
    with psycopg.connect(shop.postgres.url) as admin:
        admin.execute(ANY_CODE)
    yield
    with psycopg.connect(shop.postgres.url) as admin:
        admin.execute("DROP FUNCTION any_code CASCADE")


def _environ(shop: Shop, folder: Path, roads: list[Proxy]) -> dict[str, str]:
    (folder / "clock").write_bytes(struct.pack("d", 0.0))
    postgres, redis, (database, accounts, cache) = shop.postgres, shop.redis, roads
    return shop.environ(
        DATABASE_URL=postgres.url.replace(f":{postgres.port}/", f":{database.port}/"),
        AUTH_DATABASE_URL=postgres.url.replace(f":{postgres.port}/", f":{accounts.port}/"),
        REDIS_URL=redis.url.replace(f":{redis.port}/", f":{cache.port}/"),
        WEB_CONCURRENCY=str(WORKERS),
        GUNICORN_CMD_ARGS="--max-requests 0",  # no worker is replaced while something is measured
        AUTH_FRESH="1",  # so that a fault of a few seconds is noticed
        JOURNAL_FOLDER=str(folder / "journal"),
        CLOCK=str(folder / "clock"),
        PYTHONPATH=str(Path(__file__).parent / "clock"),
    )


def wait_until_well(stage: Stage, seconds: float = 20) -> None:
    """Return when every worker uses every dependency."""
    until(stage.well, seconds, "everything is in use again")
