"""Every setting of the program, its type, default and meaning: read once from the environment into a frozen object."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial

from marshmallow import fields as m
from marshmallow import validate

from .fields import KEY_LENGTH, Url, Words, count, long_enough, seconds, setting
from .reading import read
from .urls import read_postgres, read_redis

MODES = ("normal", "read-only", "emergency")
ENVIRONMENTS = ("production", "staging", "development", "test")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
DATABASE_URLS = ("DATABASE_URL", "AUTH_DATABASE_URL", "DATABASE_UNPOOLED_URL", "DATABASE_REPLICA_URL")
REDIS_SCHEMES = ("redis", "rediss", "unix")
POOLERS = ("none", "session", "transaction")


def _postgres(*, writes: bool = True) -> Url:
    return Url(*DATABASE_SCHEMES, check=partial(read_postgres, writes=writes))


@dataclass(frozen=True, kw_only=True, repr=False)  # what is printed shows no secret
class Config:
    """The settings in force. `Config.from_environ()` reads them; nothing else in the program reads the environment."""

    environment: str = setting(
        "ENVIRONMENT", m.String(validate=validate.OneOf(ENVIRONMENTS)), ", ".join(ENVIRONMENTS), "production"
    )
    mode: str = setting("MODE", m.String(validate=validate.OneOf(MODES)), ", ".join(MODES), "normal")
    secret_key: str = setting(
        "SECRET_KEY", m.String(validate=validate.Length(min=KEY_LENGTH)), "key that signs tokens", ""
    )
    secret_keys_old: tuple[str, ...] = setting(
        "SECRET_KEYS_OLD", Words(validate=long_enough), "former SECRET_KEYs, whose tokens are still good", ()
    )
    database_url: str = setting("DATABASE_URL", _postgres(), "PostgreSQL 15 to 18", "")
    auth_database_url: str = setting(
        "AUTH_DATABASE_URL",
        _postgres(),
        "road to the accounts, if not DATABASE_URL (other role or pooler)",
        "",
    )
    database_unpooled_url: str = setting(
        "DATABASE_UNPOOLED_URL",
        _postgres(),
        "road of migrations to the database, around a pooler, if not DATABASE_URL",
        "",
    )
    database_replica_url: str = setting(
        "DATABASE_REPLICA_URL",
        _postgres(writes=False),
        "a standby that answers reads while the database is away",
        "",
    )
    database_pooler: str = setting(
        "DATABASE_POOLER",
        m.String(validate=validate.OneOf(POOLERS)),
        "how a pooler before the databases gives out its connections: none, session, transaction; "
        "unset, `pgbouncer=true` in a URL says transaction",
        "",
    )
    redis_url: str = setting("REDIS_URL", Url(*REDIS_SCHEMES, check=read_redis), "Redis 6.2 or newer", "")
    port: int = count("PORT", 8000, "where gunicorn listens", high=65535)
    workers: int = count(
        "WEB_CONCURRENCY", 0, "gunicorn worker processes; 0 for what the host grants, 1 to 4", low=0, high=64
    )
    threads: int = count("WEB_THREADS", 8, "threads of each worker", high=128)
    prestop_delay: float = setting(
        "PRESTOP_DELAY",
        m.Float(validate=validate.Range(0, 600)),
        "how long to go on serving after SIGTERM, while the edge learns of it (seconds)",
        5,
    )
    migrate_at_start: bool = setting(
        "MIGRATE_AT_START", m.Boolean(), "migrate before taking traffic, where no pre-deploy command did", False
    )
    lifecycle: int = count(
        "LIFECYCLE_FD", -1, "set by deploy.start: where it says whether this serves or drains", low=0
    )
    log_level: str = setting("LOG_LEVEL", m.String(validate=validate.OneOf(LOG_LEVELS)), "least level logged", "INFO")

    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS", Words(), "origins that may call from a browser", ("https://www.omomrentals.shop",)
    )
    cors_origins_file: str = setting(
        "CORS_ORIGINS_FILE", m.String(), "more origins, one a line; re-read when it changes", ""
    )
    cors_localhost: str = setting(
        "CORS_LOCALHOST",
        m.String(validate=validate.Regexp(r"\d{1,5}-\d{1,5}$|off$")),
        "ports of http://localhost allowed outside production, as FIRST-LAST, or off",
        "3000-3010",
    )

    # D2: the budget of a request.
    request_budget: float = seconds("REQUEST_BUDGET", 1.25, "longest one request waits for all dependencies together")
    database_deadline: float = seconds("DATABASE_DEADLINE", 0.8, "longest wait for one answer of the database")
    database_connect_deadline: float = seconds("DATABASE_CONNECT_DEADLINE", 0.6, "longest wait for a new connection")
    database_pool_size: int = count("DATABASE_POOL_SIZE", 8, "connections of each worker", high=200)
    database_pool_timeout: float = seconds("DATABASE_POOL_TIMEOUT", 0.2, "longest wait for a connection of the pool")
    database_calls: int = count("DATABASE_CALLS", 40, "most database calls at once, over all workers of the host")
    database_replica_deadline: float = seconds(
        "DATABASE_REPLICA_DEADLINE", 0.5, "longest wait for one answer of the standby"
    )
    database_replica_calls: int = count(
        "DATABASE_REPLICA_CALLS", 24, "most calls of the standby at once, over all workers of the host"
    )
    auth_deadline: float = seconds("AUTH_DEADLINE", 0.4, "longest wait for one answer about an account")
    auth_pool_size: int = count("AUTH_POOL_SIZE", 2, "connections of each worker for accounts", high=50)
    auth_calls: int = count("AUTH_CALLS", 16, "most calls about accounts at once, over all workers of the host")
    auth_fresh: float = seconds("AUTH_FRESH", 15, "how long a worker trusts what it knows of an account")
    redis_deadline: float = seconds("REDIS_DEADLINE", 0.15, "longest wait for one answer of Redis")
    redis_calls: int = count("REDIS_CALLS", 128, "most Redis calls at once, over all workers of the host")
    probe_heartbeat: float = seconds("PROBE_HEARTBEAT", 2, "how often a dependency is looked at on a fresh connection")

    access_token_minutes: int = count("ACCESS_TOKEN_MINUTES", 30, "life of an access token")
    refresh_token_days: int = count("REFRESH_TOKEN_DAYS", 7, "life of a refresh token")
    sign_in_attempts: int = count("SIGN_IN_ATTEMPTS", 10, "most tries to sign in under one name per SIGN_IN_WINDOW")
    sign_in_attempts_address: int = count(
        "SIGN_IN_ATTEMPTS_ADDRESS", 50, "most tries to sign in from one address per SIGN_IN_WINDOW that fail"
    )
    sign_in_window: float = seconds("SIGN_IN_WINDOW", 900, "how long a try to sign in counts")
    rate_window: int = count("RATE_WINDOW", 300, "time in which a used up limit is whole again (seconds)", high=3600)
    rate_reads: int = count("RATE_READS", 60_000, "most reads of a user per RATE_WINDOW; 0 for no limit", low=0)
    rate_writes: int = count("RATE_WRITES", 15_000, "most changes of a user per RATE_WINDOW; 0 for no limit", low=0)
    rate_transfers: int = count(
        "RATE_TRANSFERS", 600, "most imports and exports of a user per RATE_WINDOW; 0 for no limit", low=0
    )
    rate_strangers: int = count(
        "RATE_STRANGERS", 15_000, "most requests of an address without a user per RATE_WINDOW; 0 for no limit", low=0
    )
    offline_horizon: float = seconds(
        "OFFLINE_HORIZON", 900, "how old an access token may be while the accounts are away"
    )
    offline_refreshing: float = seconds("OFFLINE_REFRESHING", 3600, "how long into an outage refresh tokens are taken")
    offline_access_seconds: int = count("OFFLINE_ACCESS_SECONDS", 300, "life of an access token given out meanwhile")
    break_glass_username: str = setting(
        "BREAK_GLASS_USERNAME", m.String(), "who may sign in while the accounts are away", "break-glass"
    )
    break_glass_hash: str = setting(
        "BREAK_GLASS_HASH",
        m.String(validate=validate.Regexp(r"\$argon2id\$", error="Not an argon2id hash.")),
        "argon2id hash of the password of that account; without it nobody may",
        "",
    )
    oidc_issuer: str = setting(
        "OIDC_ISSUER", m.String(), "whose access tokens are taken beside ours, as `iss` says", ""
    )
    oidc_audience: str = setting("OIDC_AUDIENCE", m.String(), "for whom they must be meant, as `aud` says", "")
    oidc_jwks_url: str = setting("OIDC_JWKS_URL", Url("https", "http"), "where its public keys are", "")
    oidc_claim: str = setting(
        "OIDC_CLAIM",
        m.String(validate=validate.OneOf(("email", "sub"))),
        "what names an account: email (a verified one) or sub (a user name)",
        "email",
    )
    oidc_deadline: float = seconds("OIDC_DEADLINE", 1, "longest wait for its keys")
    hashing_slots: int = count("HASHING_SLOTS", 1, "passwords hashed at a time, over all workers of the host", high=64)

    metrics_token: str = setting(
        "METRICS_TOKEN",
        m.String(validate=validate.Length(min=KEY_LENGTH)),
        "who scrapes /metrics sends it as bearer token; unset, nobody may in production",
        "",
    )
    journal_folder: str = setting(
        "JOURNAL_FOLDER",
        m.String(),
        "where security events wait for the database, and the history of the status page; best on a volume",
        ".local/journal",
    )
    backup_folder: str = setting(
        "BACKUP_FOLDER", m.String(), "where backups of the database lie; best on a volume", ".local/backups"
    )
    pg_bin: str = setting("PG_BIN", m.String(), "folder of pg_dump and pg_restore, if they are not on the PATH", "")
    stale_bytes: int = count("STALE_BYTES", 16 * 2**20, "memory of one worker for last good answers")
    client_patience: float = seconds(
        "CLIENT_PATIENCE",
        20,
        "longest wait for a client in which less than 1 KiB/s of a request comes, or nothing of an answer is taken",
    )
    max_body_bytes: int = count("MAX_BODY_BYTES", 2**20, "largest request body")
    max_json_depth: int = count("MAX_JSON_DEPTH", 16, "deepest nesting of a JSON body", high=200)

    otlp_endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT", Url("http", "https"), "collector of traces (OTLP over HTTP); none unless set", ""
    )
    otlp_headers: str = setting(
        "OTEL_EXPORTER_OTLP_HEADERS", m.String(), "what to send it, such as a key, as name=value,name=value", ""
    )
    otel_service: str = setting("OTEL_SERVICE_NAME", m.String(), "name of this service in traces", "rental_backend")
    otel_share: float = setting(
        "OTEL_TRACES_SAMPLER_ARG",
        m.Float(validate=validate.Range(0, 1)),
        "share of requests that are traced, where the caller has not decided",
        1.0,
    )

    admin_username: str = setting("ADMIN_USERNAME", m.String(), "administrator made by `flask create-admin`", "admin")
    admin_email: str = setting("ADMIN_EMAIL", m.String(), "e-mail address of that administrator", "admin@example.com")
    admin_password: str = setting(
        "ADMIN_PASSWORD",
        m.String(validate=validate.Length(min=8)),
        "password of that administrator; generated and printed once if unset",
        "",
    )

    railway_environment: str = setting("RAILWAY_ENVIRONMENT_NAME", m.String(), "set by Railway", "")
    railway_deployment: str = setting("RAILWAY_DEPLOYMENT_ID", m.String(), "set by Railway", "")
    railway_commit: str = setting("RAILWAY_GIT_COMMIT_SHA", m.String(), "set by Railway", "")
    railway_replica: str = setting("RAILWAY_REPLICA_ID", m.String(), "set by Railway", "")

    @property
    def production(self) -> bool:
        """Whether customers' data may be behind this process."""
        return self.environment in ("production", "staging")

    def pooler(self, url: str) -> str:
        """Return how a pooler gives out the connections to a database: one of `POOLERS`."""
        return self.database_pooler or ("transaction" if url and read_postgres(url, writes=False).pooled else "none")

    @property
    def ignored_parameters(self) -> dict[str, tuple[str, ...]]:
        """The parameters of URLs that are left out, by variable."""
        urls = {name: getattr(self, name.lower()) for name in DATABASE_URLS}
        ignored = {name: read_postgres(url, writes=False).ignored for name, url in urls.items() if url}
        redis = read_redis(self.redis_url).ignored if self.redis_url else ()
        return {name: left_out for name, left_out in {**ignored, "REDIS_URL": redis}.items() if left_out}

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Config":
        """Read the settings; blank variables count as unset. Raises `ConfigError` naming all faults at once."""
        return cls(**read(fields(cls), os.environ if environ is None else environ))
