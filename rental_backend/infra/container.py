"""The container: all adapters and services of one application, built from its configuration without connecting."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ..config import Config
from ..resilience import Breaker, Counters, Prober, SharedMemory, SharedState, SingleFlight, TimeSeries
from . import AUTH, DATABASE, REDIS, REPLICA, factories
from .audit_outbox import AuditOutbox
from .identity.break_glass import BreakGlass
from .identity.oidc import REFRESH
from .identity.revocation_feed import RevocationFeed
from .postgres.backups import Backups
from .postgres.database import Database
from .rate_limits import RateLimiter
from .redis.cache import Cache
from .runtime.fault_injection import FaultInjection
from .runtime.lifecycle import Lifecycle
from .runtime.log_level import LogLevel
from .runtime.modes import Mode, Modes
from .runtime.retention import RetentionJob
from .runtime.scheduler import Scheduler
from .runtime.settings_cache import SETTINGS, SettingsCache
from .runtime.warmup import CONNECTIONS, Warmup
from .stale.change_log import ChangeLog
from .stale.store import ResponseCache
from .status_history import StatusRecorder
from .telemetry.business_metrics import BusinessMetrics
from .telemetry.worker_gauges import EVERY as GAUGED
from .telemetry.worker_gauges import WorkerGauges

SIGN_INS = ("success", "failure", "throttled", "refused", "offline", "break_glass")
KEYS = ("stored", "replayed", "in_progress", "reused", "not_kept")
LIMITED = ("reads", "writes", "transfers", "strangers")  # the rate limits, each with a quota of its own
SAMPLE = 1.0  # seconds between two samples of the breakers' calls
FOLLOW = 0.25  # seconds to wait for the result of a concurrent identical request
EXCHANGE_EVERY = 2.0  # seconds between two checks whether incidents are to be exchanged through the database


class Services:
    """The database, the cache, identity, the response cache and the other services, with the breakers by name."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.lifecycle = Lifecycle(config.lifecycle)
        self.memory = memory = SharedMemory()  # allocated before the fork, so that all workers share it
        shared_state = SharedState(memory)
        self.modes = Modes(shared_state, Path(config.journal_folder), config.mode)
        self.fault_injection = FaultInjection(shared_state, config.environment)
        self.log_level = LogLevel(shared_state, config.log_level)
        self.database = factories.database(config, memory, self.modes)
        self.replica = factories.replica(config, memory, self.modes) if config.database_replica_url else None
        self.cache = factories.cache(config, memory)
        self.identity = factories.identity(config, memory, self.cache, self.modes)
        self.revocation_feed = RevocationFeed(self.identity.revocations)
        self._count(memory.counters)
        self.rate_limiter = RateLimiter(self.cache, memory)
        self.business_metrics = BusinessMetrics(shared_state, self.database)
        self.audit_outbox = AuditOutbox(Path(config.journal_folder), self.identity.database)
        self.retention_job = RetentionJob(self.database)
        name, passwords = config.break_glass_username, self.identity.passwords
        self.break_glass = BreakGlass(name, config.break_glass_hash, passwords, self.audit_outbox)
        self.change_log = ChangeLog(shared_state, self.cache, position=self.database.position if self.replica else None)
        self.response_cache = ResponseCache(self.cache, self.change_log, capacity=config.stale_bytes)
        self.single_flight: SingleFlight[Any] = SingleFlight(FOLLOW)
        self.settings_cache = SettingsCache(self.database, self.cache, Path(config.journal_folder))
        self.database.shared[SETTINGS] = self.settings_cache
        unpooled = config.database_unpooled_url or config.database_url
        self.backups = Backups(unpooled, Path(config.backup_folder), config.pg_bin)
        self.worker_gauges, self.timeseries = WorkerGauges(memory.counters, self.pools), TimeSeries(memory)
        self.scheduler, self.exchange_scheduler = Scheduler(), Scheduler()
        self.status_history = StatusRecorder(Path(config.journal_folder), self.database)
        self._watch(config)
        self.warmup = self._warmup(config)
        # Started in each process, for other packages.
        self.on_start: list[Callable[[], None]] = [partial(_log_ignored, config)]
        self.on_stop: list[Callable[[], None]] = []  # stopped with the process
        self._lock, self.started_in = threading.Lock(), 0

    def _watch(self, config: Config) -> None:
        """Collect the breakers and bulkheads by name, and create a prober for each."""
        adapters, every = self._adapters(), config.probe_heartbeat
        self.breakers = {name: adapter.breaker for name, adapter in adapters.items()}
        self.bulkheads = {name: adapter.bulkhead for name, adapter in adapters.items()}
        self._schedule_tasks()
        self._probers = [
            Prober(adapter.breaker, adapter.probe, heartbeat=every, while_busy=True, refresh=adapter.resolve)
            for adapter in adapters.values()
        ]
        issuer = self.identity.issuer  # nothing waits for a first probe of it
        self._others = [Prober(issuer.breaker, issuer.fetch, heartbeat=REFRESH)] if issuer else []

    def _adapters(self) -> dict[str, Database | Cache]:
        """Return the adapters by name, each with its fault injection."""
        adapters: dict[str, Database | Cache] = {
            DATABASE: self.database,
            REDIS: self.cache,
            AUTH: self.identity.database,
        }
        if self.replica:
            adapters[REPLICA] = self.replica
        for name, adapter in adapters.items():
            adapter.inject_fault = self.fault_injection.adapter(
                name, deadline=adapter.deadline, **adapter.injected_errors
            )
        return adapters

    def _count(self, counters: Counters) -> None:
        """Create the counters that all workers share."""
        self.counters = counters
        self.sign_ins = counters.group("sign-ins", *SIGN_INS)
        self.idempotency = counters.group("idempotency", *KEYS)
        self.limited = counters.group("limited", *LIMITED)

    def _schedule_tasks(self) -> None:
        """Schedule what each worker does besides requests. What waits for Redis alone has a thread of its own."""
        for seconds, task in (
            (0.0, self.settings_cache.refresh),
            (GAUGED, self.worker_gauges.publish),
            (1.0, self.business_metrics.refresh),
        ):
            self.scheduler.every(seconds, task)
        self.scheduler.every(EXCHANGE_EVERY, self.status_history.exchange)
        self.scheduler.every(SAMPLE, partial(self.timeseries.sample, self.guards.values()))
        self.scheduler.every(0, self.log_level.apply)  # also in a worker that gets no request
        self.exchange_scheduler.every(0, self.rate_limiter.exchange)

    @property
    def pools(self) -> dict[str, Database]:
        """The adapters that have connection pools, by name."""
        pools = {DATABASE: self.database, AUTH: self.identity.database}
        return {**pools, REPLICA: self.replica} if self.replica else pools

    def _warmup(self, config: Config) -> Warmup:
        """Return the warm-up, which opens some connections of each pool."""
        pools = ((self.database, config.database_pool_size), (self.identity.database, config.auth_pool_size))
        opening = [partial(adapter.open, min(CONNECTIONS, size)) for adapter, size in pools]
        return Warmup(self._probed, [*opening, partial(self.cache.has, "rental:probe")])

    def start(self) -> None:
        """Start this process's background threads. Does nothing if they already run; a forked child starts its own."""
        if self.started_in == os.getpid():
            return
        with self._lock:
            if self.started_in == os.getpid():
                return
            self.started_in = os.getpid()
            self.response_cache.start()
            self.audit_outbox.start()
            self.retention_job.start()
            self.scheduler.start()
            self.exchange_scheduler.start()
            self.revocation_feed.start()
            for start in (*(prober.start for prober in (*self._probers, *self._others)), *self.on_start):
                start()
            self.warmup.start()

    def stop(self) -> None:
        """Stop the background threads and close the connections."""
        self.warmup.stop()
        self.audit_outbox.stop()
        self.retention_job.stop()
        self.scheduler.stop()
        self.exchange_scheduler.stop()
        self.revocation_feed.stop()
        self.status_history.stop()
        self.response_cache.stop()
        for prober in (*self._probers, *self._others):
            prober.stop()
        for end in self.on_stop:
            end()
        self.database.close()
        if self.replica:
            self.replica.close()
        self.identity.database.close()
        self.cache.close()

    def _probed(self) -> bool:
        """Tell whether every dependency was probed by some worker of this host since the start."""
        return not any(breaker.never_probed for breaker in self.breakers.values())

    @property
    def settled(self) -> bool:
        """Whether every dependency was probed once since the start, and this process is warm."""
        return self.warmup.done.is_set()

    # D7: the first requests wait for the first look.
    def wait_until_settled(self, timeout: float) -> bool:
        """Block until `settled`, at most `timeout` seconds; return whether it is."""
        return self.warmup.done.wait(timeout)

    @property
    def guards(self) -> dict[str, Breaker]:
        """All breakers by name, including that of the OIDC issuer's keys, which no operation needs."""
        issuer = self.identity.issuer
        return {**self.breakers, **({issuer.breaker.name or "": issuer.breaker} if issuer else {})}

    def down(self) -> frozenset[str]:
        """Return the names of the dependencies that cannot or must not be used now."""
        down = frozenset(name for name, breaker in self.breakers.items() if not breaker.closed)
        return down | {*self.breakers} - {REDIS} if self.modes.current is Mode.EMERGENCY else down

    @property
    def replica_serves(self) -> bool:
        """Whether reads go to the replica now: its breaker is closed, and that of the database is not."""
        return self.replica is not None and self.replica.breaker.closed and not self.database.breaker.closed


def _log_ignored(config: Config) -> None:
    """Log which parameters of URLs are left out."""
    for name, ignored in config.ignored_parameters.items():
        structlog.get_logger("rental_backend.settings").warning("parameters_left_out", setting=name, names=ignored)
