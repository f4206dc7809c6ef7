"""The adapters and identity of one application, built from its configuration. Building connects to nothing."""

from pathlib import Path

from ..config import Config
from ..resilience import SharedMemory
from . import AUTH, DATABASE, REPLICA
from .identity.host_revocations import HostRevocations
from .identity.identity import Identity
from .identity.login_throttle import LoginThrottle
from .identity.offline import Offline
from .identity.oidc import Issuer, Trust
from .identity.passwords import Passwords
from .identity.revocation_journal import RevocationJournal
from .identity.revocation_store import RevocationStore
from .identity.revocations import Revocations
from .identity.tokens import Tokens
from .postgres.database import Database
from .redis.cache import Cache
from .runtime.modes import Modes


def database(config: Config, memory: SharedMemory, modes: Modes) -> Database:
    """Return the adapter of the database."""
    return Database(
        DATABASE,
        config.database_url,
        pooler=config.pooler(config.database_url),
        memory=memory,
        admit=modes.admit,
        restricted=modes.ever_changed,
        deadline=config.database_deadline,
        connect_deadline=config.database_connect_deadline,
        pool_size=config.database_pool_size,
        pool_timeout=config.database_pool_timeout,
        calls=config.database_calls,
    )


def replica(config: Config, memory: SharedMemory, modes: Modes) -> Database:
    """Return the adapter of the replica."""
    return Database(
        REPLICA,
        config.database_replica_url,
        pooler=config.pooler(config.database_replica_url),
        memory=memory,
        admit=modes.admit,
        restricted=modes.ever_changed,
        standby=True,
        deadline=config.database_replica_deadline,
        connect_deadline=min(config.database_replica_deadline, config.database_connect_deadline),
        pool_size=config.database_pool_size,
        pool_timeout=config.database_pool_timeout,
        calls=config.database_replica_calls,
    )


def cache(config: Config, memory: SharedMemory) -> Cache:
    """Return the adapter of Redis."""
    return Cache(
        config.redis_url,
        memory=memory,
        deadline=config.redis_deadline,
        connections=config.threads + 4,
        calls=config.redis_calls,
    )


# D5: accounts have connections of their own.
def identity(config: Config, memory: SharedMemory, cache: Cache, modes: Modes) -> Identity:
    """Return the adapter of identity, with a connection pool of its own to the accounts."""
    url = config.auth_database_url or config.database_url
    accounts = Database(
        AUTH,
        url,
        pooler=config.pooler(url),
        memory=memory,
        admit=modes.admit,
        restricted=modes.ever_changed,
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
    throttle = LoginThrottle(
        cache,
        by_name=config.sign_in_attempts,
        by_address=config.sign_in_attempts_address,
        window=config.sign_in_window,
    )
    offline = Offline(
        revocations=_revocations(config, accounts, memory, cache),
        breaker=accounts.breaker,
        horizon=config.offline_horizon,
        refreshing=config.offline_refreshing,
        access=config.offline_access_seconds,
    )
    passwords = Passwords(memory, slots=config.hashing_slots, concurrent_requests=max(1, config.threads // 4))
    issuer, fresh = _issuer(config, memory), config.auth_fresh
    return Identity(accounts, tokens, passwords, throttle=throttle, offline=offline, fresh=fresh, issuer=issuer)


def _revocations(config: Config, accounts: Database, memory: SharedMemory, cache: Cache) -> Revocations:
    folder, seconds = Path(config.journal_folder), config.refresh_token_days * 86400
    return Revocations(
        accounts,
        HostRevocations(memory, folder),
        store=RevocationStore(cache, seconds),
        journal=RevocationJournal(folder),
        seconds=seconds,
    )


def _issuer(config: Config, memory: SharedMemory) -> Issuer | None:
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
        memory,
    )
