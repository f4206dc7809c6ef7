"""A page from memory in an outage, beside the same page from the database; what single flight and compression cost."""

import contextlib
import statistics
import time
import timeit
import zlib
from collections.abc import Callable

import orjson

from deploy.benchmarks.customers import prepare
from deploy.benchmarks.measure import CLIENTS, Cost, Served, served, wait_until
from deploy.benchmarks.report import Bar
from deploy.benchmarks.stores import stores
from deploy.private.servers import PostgresServer
from rental_backend.infra.redis.cache import Cache
from rental_backend.infra.stale.change_log import ChangeLog
from rental_backend.resilience import SharedMemory, SharedState, SingleFlight

CUSTOMERS, ROUNDS, REQUESTS, PATH = 10_000, 5, 2000, "/api/customers?limit=50"
PATHS = [f"{PATH}&skip={client}" for client in range(CLIENTS)]
PARTS = 500


def main() -> None:
    """Print the rates and their ratio, and what the parts cost."""
    with contextlib.ExitStack() as stack:
        database, environ = stores(stack)
        stack.callback(database.thaw)
        body = _compare(database, environ)
    _parts(body)


def _compare(database: PostgresServer, environ: dict[str, str]) -> bytes:
    token = prepare(database.url, environ, CUSTOMERS)
    figures: dict[str, list[Cost]] = {"healthy": [], "stale": []}
    with served("wsgi:app", environ) as server:
        server.token = token
        wait_until(lambda: server.ask(PATH) == 200)
        body = server.body(PATH)
        for number in range(ROUNDS + 1):
            for name in figures:
                _into(name, database, server)
                found = server.cost(PATHS, REQUESTS, set(database.pids))
                if number:  # the first round warms up
                    figures[name].append(found)
        database.thaw()
    rates = {name: statistics.median(each.rate for each in costs) for name, costs in figures.items()}
    print(f"List of 50 customers; medians of {ROUNDS} rounds of {REQUESTS:,} requests, taken in turns")
    for name, costs in figures.items():
        print(f"{name:8}{rates[name]:8.0f} requests/s{statistics.median(each.processor for each in costs):8.3f} ms")
    print(Bar("healthy over stale, requests/s", rates["healthy"] / rates["stale"], 0.5, "x"), flush=True)
    return body


def _into(name: str, database: PostgresServer, server: Served) -> None:
    """Freeze or thaw the database, and wait until the breakers say so."""
    database.freeze() if name == "stale" else database.thaw()
    away = {"closed"} if name == "healthy" else {"open", "half-open"}

    def there() -> bool:
        said = orjson.loads(server.body("/api/health"))["dependencies"]
        return {said["database"], said["auth"]} <= away

    wait_until(there)
    time.sleep(0.2)


def _parts(body: bytes) -> None:
    """Print microseconds of the parts that every read has, and of compressing the page."""
    single_flight: SingleFlight[int] = SingleFlight(wait=1)
    change_log = ChangeLog(SharedState(SharedMemory()), Cache("", deadline=0.1, connections=1, calls=1))
    rows = change_log.rows(("customers",))
    packed = zlib.compress(body, 1)
    parts: dict[str, Callable[[], object]] = {
        "single flight, nobody else": lambda: single_flight.run("key", int),
        "tag of a resource": lambda: change_log.version(rows),
        "compress the page": lambda: zlib.compress(body, 1),
        "decompress it": lambda: zlib.decompress(packed),
    }
    for name, part in parts.items():
        print(f"{name:28}{min(timeit.repeat(part, number=PARTS, repeat=7)) / PARTS * 1e6:9.2f} us")
    print(f"the page has {len(body):,} bytes, compressed {len(packed):,}")
