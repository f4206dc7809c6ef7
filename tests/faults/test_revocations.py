"""Who is out stays out: every ending, with Redis and hosts in every state, while the accounts cannot be asked.

The full form tries each ending with each state of Redis, of the host and of the database; the quick form takes
one of the 50.
"""

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from redis import Redis

from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.infra.identity.revocation_store import ENTRIES, ORDER
from tests.conftest import migrate
from tests.faults.endings import ENDINGS, OUT, RIGHTS, SESSIONS, TRIES, Person, crew
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving, until

pytestmark = [pytest.mark.alone(waiting=True), pytest.mark.long]

REDIS = ("well", "frozen at the ending", "flushed after", "restarted empty after", "an older copy after")
HOSTS = ("same workers", "workers replaced", "host restarted", "second host", "journal lost")
DATABASES = ("frozen", "accounts refused")
QUICK = {("frozen at the ending", "workers replaced", "frozen")}
ELSEWHERE = 1.5  # seconds until an ending is in force on another host
AT_ONCE = 0.1  # on the host itself


@dataclass
class Street:
    """The servers, the road to the accounts, and the hosts by name."""

    postgres: PostgresServer
    redis: RedisServer
    accounts: Proxy
    folder: Path
    stack: ExitStack
    hosts: dict[str, Gunicorn] = field(default_factory=dict)

    def open(self, name: str, *, ready: bool = True) -> Gunicorn:
        """Start a host; a second time with the journal of the first."""
        journal = self.folder / name
        environ = {
            "ENVIRONMENT": "test",
            "SECRET_KEY": "a key for the tests of endings, long enough",
            "DATABASE_URL": self.postgres.url,
            "AUTH_DATABASE_URL": self.postgres.url.replace(str(self.postgres.port), str(self.accounts.port)),
            "REDIS_URL": self.redis.url,
            "WEB_CONCURRENCY": "2",
            "LOG_LEVEL": "WARNING",
            "SIGN_IN_ATTEMPTS": "10000",
            "SIGN_IN_ATTEMPTS_ADDRESS": "10000",
            "RATE_STRANGERS": "0",
            "JOURNAL_FOLDER": str(journal),
        }
        self.hosts[name] = self.stack.enter_context(serving(environ, self.folder / f"{name}.log", ready=ready))
        return self.hosts[name]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, RedisServer]]:
    """A database with the tables, and a Redis that keeps nothing."""
    folder = tmp_path_factory.mktemp("endings")
    postgres = PostgresServer(folder / "postgres", port=0, durable=False)
    redis = RedisServer(folder / "redis", port=0, durable=False)
    postgres.start()
    redis.start()
    migrate(postgres.url)
    yield postgres, redis
    redis.stop()
    postgres.stop()


@pytest.fixture
def street(servers: tuple[PostgresServer, RedisServer], tmp_path: Path) -> Iterator[Street]:
    """Two hosts, with everything up."""
    postgres, redis = servers
    accounts = Proxy(postgres.port or 0)
    with ExitStack() as stack:
        street = Street(postgres, redis, accounts, tmp_path, stack)
        yield street
        postgres.thaw()
        redis.thaw()
        accounts.restore()
    accounts.close()


@contextmanager
def redis_in(state: str, server: RedisServer) -> Iterator[None]:
    """Have the endings happen within the block, and Redis be in that state afterwards."""
    with Redis.from_url(server.url) as client:
        copy = [(key, client.dump(key)) for key in (ORDER, ENTRIES)]
    if state == "frozen at the ending":
        server.freeze()
    yield
    if state in ("flushed after", "an older copy after"):
        with Redis.from_url(server.url) as client:
            client.flushall()
            for key, value in copy if state == "an older copy after" else ():
                client.restore(key, 0, value)  # type: ignore[arg-type]
    elif state == "restarted empty after":
        server.kill()
        server.start()


def seen_by_all(people: dict[str, Person], url: str) -> None:
    """Have both workers meet everybody."""
    for person in people.values():
        until(lambda it=person: all(it.harmless(url) == 200 for _ in range(6)), what=person.name)  # type: ignore[misc]


def in_force(people: dict[str, Person], url: str) -> bool:
    """Tell whether all workers that answer refuse who has ended, and what was taken away."""
    return all(
        (people[kind].harmless(url) if kind in SESSIONS else people[kind].harmful(url)) in OUT
        for kind in ENDINGS
        for _ in range(4)
    )


def move(street: Street, state: str) -> Gunicorn:
    """Bring the first host into a state; return the host to be asked."""
    first = street.hosts["first"]
    if state == "second host":
        return street.hosts["second"]
    if state == "workers replaced":
        before = set(first.workers())
        first.process.send_signal(signal.SIGHUP)
        until(lambda: len(now := first.workers()) == 2 and before.isdisjoint(now), 40, "other workers")
    elif state in ("host restarted", "journal lost"):
        first.stop()
        if state == "journal lost":
            shutil.rmtree(street.folder / "first")
        return street.open("first", ready=False)
    return first


@dataclass
class Count:
    """How often somebody got what they should not, by what it was, and what the bystander got."""

    beyond: dict[str, int] = field(default_factory=dict)
    bystander: list[int] = field(default_factory=list)

    def note(self, what: str, *, permitted: bool) -> None:
        """Count an access."""
        if permitted:
            self.beyond[what] = self.beyond.get(what, 0) + 1


def ask_all(people: dict[str, Person], url: str, *, unknown: bool) -> Count:
    """Ask for everything with each token, and exchange each refresh token. `unknown`: what does no harm is allowed."""
    count = Count()
    for kind in ENDINGS:
        person, rights = people[kind], kind in RIGHTS
        for _ in range(TRIES):
            count.note(f"{kind}: harm", permitted=person.harmful(url) not in OUT)
            if not rights:
                count.note(f"{kind}: a look", permitted=person.harmless(url) not in OUT and not unknown)
            if kind == "demoted":
                count.note("demoted: users", permitted=person.users(url) not in OUT)
            if renewed := person.renew(url):
                count.note(f"{kind}: a new token", permitted=not rights)
                count.note(f"{kind}: harm, renewed", permitted=person.harmful(url, renewed) not in OUT)
                if kind == "demoted":
                    count.note("demoted: users, renewed", permitted=person.users(url, renewed) not in OUT)
    count.bystander = [people["bystander"].harmful(url) for _ in range(TRIES)]
    return count


CELLS = [
    pytest.param(*cell, id=", ".join(cell), marks=() if cell in QUICK else pytest.mark.full)
    for cell in product(REDIS, HOSTS, DATABASES)
]


@pytest.mark.parametrize(("cache", "host", "database"), CELLS)
def test_who_is_out_stays_out(street: Street, tmp_path: Path, cache: str, host: str, database: str) -> None:
    """Nobody gets beyond the table of `offline.py`, in any worker, with either token; who did not end goes on.

    The outage begins when what ended has to be in force on another host, and not before.
    Only a host that lost its journal, and does not know who ended, lets people look at what does no harm.
    """
    first = street.open("first")
    second = street.open("second") if host == "second host" else first
    people = crew(street.postgres.url, tmp_path.name)
    for person in people.values():
        person.sign_in(first.url)
    seen_by_all(people, first.url)
    with redis_in(cache, street.redis):
        for kind, end in ENDINGS.items():
            answer = end(first.url, people["chief"], people[kind])
            assert answer.ok, (kind, answer.text)
        ended = time.monotonic()
        assert in_force(people, first.url)
        until(lambda: time.monotonic() > ended + ELSEWHERE)
        assert in_force(people, second.url)
    take_away, give_back = {
        "frozen": (street.postgres.freeze, street.postgres.thaw),
        "accounts refused": (street.accounts.refuse, street.accounts.restore),
    }[database]
    take_away()
    street.redis.thaw()
    try:
        asked = move(street, host)
        count = ask_all(people, asked.url, unknown=host == "journal lost")
    finally:
        give_back()

    print(f"bystander {set(count.bystander)}")
    assert count.beyond == {}
    if cache == "well" and host != "journal lost":
        assert set(count.bystander).isdisjoint(OUT)


@pytest.mark.full
def test_an_ending_is_in_force_in_time(street: Street, tmp_path: Path) -> None:
    """In all workers of the host at once, on another one within seconds, with Redis well and without it."""
    here, there = street.open("first"), street.open("second")
    slowest = {"here": 0.0, "there": 0.0}
    for turn in range(6):
        people = crew(street.postgres.url, f"{tmp_path.name}-{turn}")
        for person in people.values():
            person.sign_in(here.url)
        for host in (here, there):
            seen_by_all(people, host.url)
        if turn % 2:
            street.redis.freeze()
        for kind, end in ENDINGS.items():
            person = people[kind]
            assert end(here.url, people["chief"], person).ok
            for place, host in (("here", here), ("there", there)):
                ask = person.harmless if kind in SESSIONS else person.harmful
                took = _until_refused(lambda ask=ask, host=host: ask(host.url), ELSEWHERE)  # type: ignore[misc]
                slowest[place] = max(slowest[place], took)
        street.redis.thaw()
    print(f"in force: {slowest}")
    assert slowest["here"] <= AT_ONCE
    assert slowest["there"] <= ELSEWHERE


def _until_refused(ask: Callable[[], int], seconds: float) -> float:
    """Return the seconds after which the last of eight requests in a row was let in that both workers answer."""
    began = last = time.monotonic()
    refused = 0
    while refused < 8:
        if ask() in OUT:
            refused += 1
        else:
            refused, last = 0, time.monotonic()
        assert last - began <= seconds
    return last - began
