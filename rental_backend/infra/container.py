"""All doors of one application object, built from its configuration. Building connects to nothing."""

import os
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..config import Config
from ..resilience import Board, Breaker, Flights, History, Page, Prober, Tally
from .audit_outbox import Journal
from .identity.break_glass import BreakGlass
from .identity.identity import Identity
from .identity.login_throttle import Throttle
from .identity.offline import Offline
from .identity.oidc import REFRESH, Issuer, Trust
from .identity.passwords import Passwords
from .identity.revocations import Revocations
from .identity.tokens import Tokens
from .postgres.database import Database
from .postgres.failures import practised
from .rate_limits import Rates
from .redis.cache import Cache
from .runtime.backups import Dumper
from .runtime.fault_injection import Drills
from .runtime.lifecycle import Lifecycle
from .runtime.log_level import LogLevel
from .runtime.modes import Mode, Modes
from .runtime.retention import Sweeper
from .runtime.scheduler import Background
from .runtime.settings_cache import SETTINGS, Followed
from .runtime.warmup import CONNECTIONS, Warmup
from .stale.change_authors import author
from .stale.change_log import UNKNOWN, Writes
from .stale.store import StaleStore
from .status_history import Recorder
from .telemetry.business_metrics import Figures
from .telemetry.worker_gauges import EVERY as GAUGED
from .telemetry.worker_gauges import Gauges

DATABASE, REDIS, AUTH, REPLICA = "database", "redis", "auth", "replica"
SIGN_INS = ("success", "failure", "throttled", "refused", "offline", "break_glass")
KEYS = ("stored", "replayed", "in_progress", "reused", "not_kept")
LIMITED = ("reads", "writes", "transfers", "strangers")  # what callers are held to, each for itself
SAMPLE = 1.0  # seconds between two looks at what became of calls
FOLLOW = 0.25  # seconds to wait for another's answer to the same question
TELL = 2.0  # seconds between two looks whether the database is to be told of incidents


class Dependencies:
    """The database, the cache, identity and the store of stale answers, with their breakers by name."""

    _settled = False

    def __init__(self, config: Config) -> None:
        self.lifecycle = Lifecycle(config.lifecycle)
        self.page = page = Page()  # before the fork: all workers of this host share it, and the board
        board = Board(page)
        self.modes = Modes(board, Path(config.journal_folder), config.mode)
        self.drills = Drills(board, config.environment)
        self.log_level = LogLevel(board, config.log_level)
        self.database = _database(config, page, self.modes)
        self.replica = _replica(config, page, self.modes) if config.database_replica_url else None
        self.cache = _cache(config, page)
        self.identity = _identity(config, page, self.cache, self.modes)
        self._count(page.tally)
        self.rates = Rates(self.cache, page)
        self.figures = Figures(board, self.database)
        self.journal = Journal(Path(config.journal_folder), self.identity.database)
        self.sweeper = Sweeper(self.database)
        name, passwords = config.break_glass_username, self.identity.passwords
        self.break_glass = BreakGlass(name, config.break_glass_hash, passwords, self.journal)
        self.writes = Writes(board, self.cache)
        self.stale = StaleStore(self.cache, self.writes, capacity=config.stale_bytes)
        self.flights: Flights[Any] = Flights(FOLLOW)
        self.settings = Followed(self.database, self.cache, Path(config.journal_folder))
        self.database.shared[SETTINGS] = self.settings
        unpooled = config.database_unpooled_url or config.database_url
        self.dumper = Dumper(unpooled, Path(config.backup_folder), config.pg_bin)
        self.gauges, self.history = Gauges(page.tally, self.pools), History(page)
        self.chores, self.sharing = Background(), Background()
        self.uptime = Recorder(Path(config.journal_folder), self.database)
        doors = self._doors()
        self.breakers = {name: door.breaker for name, door in doors.items()}
        self.bulkheads = {name: door.bulkhead for name, door in doors.items()}
        self._give_chores()
        self._probers = [Prober(door.breaker, door.probe, heartbeat=config.probe_heartbeat) for door in doors.values()]
        issuer = self.identity.issuer  # nothing waits for a first look at it
        self._others = [Prober(issuer.breaker, issuer.fetch, heartbeat=REFRESH)] if issuer else []
        self.background: list[Callable[[], None]] = []  # what others want started in each process
        self.endings: list[Callable[[], None]] = []  # and stopped with it
        self.warmup = self._warmup(config)
        self._lock, self._started_in = threading.Lock(), 0

    def _doors(self) -> dict[str, Database | Cache]:
        """Return the doors by name, each with its drill."""
        doors: dict[str, Database | Cache] = {DATABASE: self.database, REDIS: self.cache, AUTH: self.identity.database}
        if self.replica:
            doors[REPLICA] = self.replica
        for name, door in doors.items():
            door.drill = self.drills.door(name, deadline=door.deadline, **practised(name))
        return doors

    def _count(self, tally: Tally) -> None:
        """Make what is counted over all workers."""
        self.tally = tally
        self.sign_ins = tally.family("sign-ins", *SIGN_INS)
        self.idempotency = tally.family("idempotency", *KEYS)
        self.limited = tally.family("limited", *LIMITED)

    def _give_chores(self) -> None:
        """Say what each worker does beside its requests; what waits for Redis alone has a thread of its own."""
        for seconds, chore in ((0.0, self.settings.follow), (GAUGED, self.gauges.publish), (1.0, self.figures.ask)):
            self.chores.every(seconds, chore)
        self.chores.every(TELL, self.uptime.tell)
        self.chores.every(SAMPLE, partial(self.history.sample, self.guards.values()))
        self.chores.every(0, self.log_level.apply)  # where nobody asks anything
        self.sharing.every(0, self.rates.exchange)

    @property
    def pools(self) -> dict[str, Database]:
        """The doors that have pools, by name."""
        pools = {DATABASE: self.database, AUTH: self.identity.database}
        return {**pools, REPLICA: self.replica} if self.replica else pools

    def _warmup(self, config: Config) -> Warmup:
        """Return what opens some connections of each pool."""
        pools = ((self.database, config.database_pool_size), (self.identity.database, config.auth_pool_size))
        opening = [partial(door.open, min(CONNECTIONS, size)) for door, size in pools]
        return Warmup(self._probed, [*opening, partial(self.cache.has, "rental:probe")])

    def start(self) -> None:
        """Start this process's background threads. Does nothing when they run already; a fork starts its own."""
        if self._started_in == os.getpid():
            return
        with self._lock:
            if self._started_in == os.getpid():
                return
            self._started_in = os.getpid()
            self.stale.start()
            self.journal.start()
            self.sweeper.start()
            self.chores.start()
            self.sharing.start()
            for start in (*(prober.start for prober in (*self._probers, *self._others)), *self.background):
                start()
            self.warmup.start()

    def stop(self) -> None:
        """Let the probes end and give every connection back."""
        self.warmup.stop()
        self.journal.stop()
        self.sweeper.stop()
        self.chores.stop()
        self.sharing.stop()
        self.uptime.stop()
        self.stale.stop()
        for prober in (*self._probers, *self._others):
            prober.stop()
        for end in self.endings:
            end()
        self.database.close()
        if self.replica:
            self.replica.close()
        self.identity.database.close()
        self.cache.close()

    def _probed(self) -> bool:
        """Whether any worker of this host has looked at every dependency since the start."""
        return not any(breaker.untried for breaker in self.breakers.values())

    @property
    def settled(self) -> bool:
        """Whether every dependency has been looked at once since the start, and this process is warm."""
        return self.warmup.done.is_set()

    def wait_until_settled(self, timeout: float) -> bool:
        """Block until `settled`, at most `timeout` seconds; return whether it is."""
        return self.warmup.done.wait(timeout)

    @property
    def guards(self) -> dict[str, Breaker]:
        """All breakers by name: that of another issuer's keys, too, which no operation needs."""
        issuer = self.identity.issuer
        return {**self.breakers, **({issuer.breaker.name or "": issuer.breaker} if issuer else {})}

    def missing(self, names: frozenset[str]) -> list[str]:
        """Return those of the names that cannot be used now, or must not be."""
        if self.modes.current is Mode.EMERGENCY:
            return sorted(names & self.down())
        return [name for name in names if not self.breakers[name].closed]

    def down(self) -> frozenset[str]:
        """Return the names of the dependencies that cannot be used now, or must not be."""
        down = frozenset(name for name, breaker in self.breakers.items() if not breaker.closed)
        return down | {*self.breakers} - {REDIS} if self.modes.current is Mode.EMERGENCY else down

    @property
    def replica_serves(self) -> bool:
        """Whether reads go to the replica now: it is there, and calls to the database are not made."""
        return self.replica is not None and self.replica.breaker.closed and not self.database.breaker.closed

    def changed(self, rows: tuple[int, ...], by: uuid.UUID | None) -> None:
        """Count a change of resources that was committed, or may have been: who made it sees nothing of before it."""
        position = self.database.position() if self.replica else None
        self.stale.changed(rows, author(by), UNKNOWN if position is None else position)


def _database(config: Config, page: Page, modes: Modes) -> Database:
    return Database(
        DATABASE,
        config.database_url,
        page=page,
        admit=modes.admit,
        deadline=config.database_deadline,
        connect_deadline=config.database_connect_deadline,
        pool_size=config.database_pool_size,
        pool_timeout=config.database_pool_timeout,
        calls=config.database_calls,
    )


def _replica(config: Config, page: Page, modes: Modes) -> Database:
    return Database(
        REPLICA,
        config.database_replica_url,
        page=page,
        admit=modes.admit,
        standby=True,
        deadline=config.database_replica_deadline,
        connect_deadline=min(config.database_replica_deadline, config.database_connect_deadline),
        pool_size=config.database_pool_size,
        pool_timeout=config.database_pool_timeout,
        calls=config.database_replica_calls,
    )


def _cache(config: Config, page: Page) -> Cache:
    return Cache(
        config.redis_url,
        page=page,
        deadline=config.redis_deadline,
        connections=config.threads + 4,
        calls=config.redis_calls,
    )


def _identity(config: Config, page: Page, cache: Cache, modes: Modes) -> Identity:
    accounts = Database(
        AUTH,
        config.auth_database_url or config.database_url,
        page=page,
        admit=modes.admit,
        deadline=config.auth_deadline,
        connect_deadline=min(config.auth_deadline, config.database_connect_deadline),
        pool_size=config.auth_pool_size,
        pool_timeout=config.database_pool_timeout,
        calls=config.auth_calls,
    )
    tokens = Tokens(
        config.secret_key,
        old=config.secret_keys_old,
        access_seconds=config.access_token_minutes * 60,
        refresh_seconds=config.refresh_token_days * 86400,
    )
    throttle = Throttle(
        cache,
        by_name=config.sign_in_attempts,
        by_address=config.sign_in_attempts_address,
        window=config.sign_in_window,
    )
    offline = Offline(
        revocations=Revocations(cache, tokens.lifetimes["refresh"]),
        breaker=accounts.breaker,
        horizon=config.offline_horizon,
        refreshing=config.offline_refreshing,
        access=config.offline_access_seconds,
    )
    passwords = Passwords(page, slots=config.hashing_slots, seats=max(1, config.threads // 4))
    issuer, fresh = _issuer(config, page), config.auth_fresh
    return Identity(accounts, tokens, passwords, throttle=throttle, offline=offline, fresh=fresh, issuer=issuer)


def _issuer(config: Config, page: Page) -> Issuer | None:
    if not config.oidc_issuer:
        return None
    return Issuer(
        Trust(
            issuer=config.oidc_issuer,
            audience=config.oidc_audience,
            keys_url=config.oidc_jwks_url,
            claim=config.oidc_claim,
            deadline=config.oidc_deadline,
        ),
        page,
    )
