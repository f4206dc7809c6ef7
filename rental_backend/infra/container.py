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
from . import AUTH, DATABASE, REDIS, REPLICA, factories
from .audit_outbox import Journal
from .identity.break_glass import BreakGlass
from .identity.oidc import REFRESH
from .postgres.backups import Dumper
from .postgres.database import Database
from .rate_limits import RateLimiter
from .redis.cache import Cache
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

SIGN_INS = ("success", "failure", "throttled", "refused", "offline", "break_glass")
KEYS = ("stored", "replayed", "in_progress", "reused", "not_kept")
LIMITED = ("reads", "writes", "transfers", "strangers")  # what callers are held to, each for itself
SAMPLE = 1.0  # seconds between two looks at what became of calls
FOLLOW = 0.25  # seconds to wait for another's answer to the same question
TELL = 2.0  # seconds between two looks whether the database is to be told of incidents


class Services:
    """The database, the cache, identity and the store of stale answers, with their breakers by name."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lifecycle = Lifecycle(config.lifecycle)
        self.page = page = Page()  # before the fork: all workers of this host share it, and the board
        board = Board(page)
        self.modes = Modes(board, Path(config.journal_folder), config.mode)
        self.drills = Drills(board, config.environment)
        self.log_level = LogLevel(board, config.log_level)
        self.database = factories.database(config, page, self.modes)
        self.replica = factories.replica(config, page, self.modes) if config.database_replica_url else None
        self.cache = factories.cache(config, page)
        self.identity = factories.identity(config, page, self.cache, self.modes)
        self._count(page.tally)
        self.rate_limiter = RateLimiter(self.cache, page)
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
        self._watch(config)
        self.warmup = self._warmup(config)
        self.background: list[Callable[[], None]] = []  # what others want started in each process
        self.endings: list[Callable[[], None]] = []  # and stopped with it
        self._lock, self._started_in = threading.Lock(), 0

    def _watch(self, config: Config) -> None:
        """Gather the breakers, and make a prober for each."""
        adapters, every = self._adapters(), config.probe_heartbeat
        self.breakers = {name: adapter.breaker for name, adapter in adapters.items()}
        self.bulkheads = {name: adapter.bulkhead for name, adapter in adapters.items()}
        self._give_chores()
        self._probers = [Prober(each.breaker, each.probe, heartbeat=every) for each in adapters.values()]
        issuer = self.identity.issuer  # nothing waits for a first look at it
        self._others = [Prober(issuer.breaker, issuer.fetch, heartbeat=REFRESH)] if issuer else []

    def _adapters(self) -> dict[str, Database | Cache]:
        """Return the doors by name, each with its drill."""
        adapters: dict[str, Database | Cache] = {
            DATABASE: self.database,
            REDIS: self.cache,
            AUTH: self.identity.database,
        }
        if self.replica:
            adapters[REPLICA] = self.replica
        for name, adapter in adapters.items():
            adapter.drill = self.drills.adapter(name, deadline=adapter.deadline, **adapter.practised)
        return adapters

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
        self.sharing.every(0, self.rate_limiter.exchange)

    @property
    def pools(self) -> dict[str, Database]:
        """The doors that have pools, by name."""
        pools = {DATABASE: self.database, AUTH: self.identity.database}
        return {**pools, REPLICA: self.replica} if self.replica else pools

    def _warmup(self, config: Config) -> Warmup:
        """Return what opens some connections of each pool."""
        pools = ((self.database, config.database_pool_size), (self.identity.database, config.auth_pool_size))
        opening = [partial(adapter.open, min(CONNECTIONS, size)) for adapter, size in pools]
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

    # D7: the first requests wait for the first look.
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
