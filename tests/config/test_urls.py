"""URLs: checked as they are read, by one reader, for every driver."""

import random
from collections.abc import Callable

import psycopg
import pytest
import redis
from flask import Flask
from psycopg import conninfo, pq

from rental_backend.config import Config, ConfigError, read_postgres, read_redis
from rental_backend.config.urls import POSTGRES_IGNORED, POSTGRES_TAKEN, REDIS_IGNORED, REDIS_TAKEN, REDIS_TLS
from rental_backend.doctor.checks import Installation
from rental_backend.doctor.examination import at_once
from rental_backend.infra.migration import MigrationError, Server
from rental_backend.infra.postgres.address import parameters
from tests.serving import until

DATABASE, CACHE = "postgresql://shop:hid%40den@db.example:5432/shop", "redis://:hid%40den@cache.example:6379/0"
WHOLE = {"ENVIRONMENT": "production", "SECRET_KEY": "k" * 32, "DATABASE_URL": DATABASE, "REDIS_URL": CACHE}
NAMES = ("DATABASE_URL", "AUTH_DATABASE_URL", "DATABASE_UNPOOLED_URL", "DATABASE_REPLICA_URL")
TRIES = 300
PIECES = (
    *(
        "shop",
        ":",
        "@",
        "db",
        "word",
        "%40",
        "%00",
        "%",
        "/",
        "?",
        "&",
        "=",
        ",",
        "5432",
        "99999",
        "[::1]",
        "#",
        "+",
        "é",
    ),
    *("host=%2Frun", "dbname=x", "db=1", "protocol=3", "family=0", "ssl=true", "port=1", " ", "..", "sslmode=require"),
)
UNUSED = {"replication", "oauth_client_secret"}


def refusal(**given: str) -> str:
    """Return why an environment is refused."""
    with pytest.raises(ConfigError) as refused:
        Config.from_environ({**WHOLE, **given})
    assert "hid" not in str(refused.value)
    assert refused.value.__suppress_context__
    return str(refused.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nonsense=1", "nonsense is not known"),
        ("sslmode=require&sslmode=disable", "sslmode stands twice"),
        ("schema=shop", "schema can be `public` only"),
        ("replication=database", "replication is not known"),
        ("sslmode=hidden", "sslmode has a value"),
        ("target_session_attrs=hidden", "target_session_attrs has a value"),
        ("connect_timeout=hidden", "connect_timeout has a value"),
        ("client_encoding=latin1", "client_encoding has a value"),
        ("hidden", "not readable"),
        ("hidden@db", "percent-encoded"),
        ("options=%00", "character that no name"),
        ("application_name=%E4", "not UTF-8"),
    ],
)
def test_what_postgresqls_client_would_not_take_is_named(name: str, query: str, said: str) -> None:
    """The setting and the parameter are told, a value never."""
    told = refusal(**{name: f"{DATABASE}?{query}"})
    assert f"{name}: " in told
    assert any(each in told for each in said.split("|")), told


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nonsense=1", "nonsense is not known"),
        ("db=1&db=2", "db stands twice"),
        ("db=hidden", "db has a value"),
        ("protocol=4", "protocol has a value"),
        ("ssl_cert_reqs=none", "ssl_cert_reqs goes with rediss"),
        ("socket_keepalive=hidden", "socket_keepalive has a value"),
        ("keyPrefix=x", "keyPrefix is not known"),
    ],
)
def test_what_redis_would_not_take_is_named(query: str, said: str) -> None:
    """A parameter that our client does not know would keep it from ever connecting."""
    assert f"REDIS_URL: Its parameter {said}" in refusal(REDIS_URL=f"{CACHE}?{query}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://cache/shop", "not a number"),
        ("redis://:hid@a,b/0", "more than one host"),
        ("redis://:hid#d@cache", "percent-encoded"),
        ("redis://[@cache", "Not readable"),
        ("redis://cache:99999", "Not readable"),
    ],
)
def test_what_redis_would_silently_read_otherwise_is_refused(url: str, said: str) -> None:
    """A name of a database would be database 0, two hosts one that does not exist."""
    assert said in refusal(REDIS_URL=url)


@pytest.mark.parametrize("query", ["target_session_attrs=read-only", "target_session_attrs=prefer-standby"])
def test_only_a_replica_may_be_asked_for_a_server_that_takes_no_changes(query: str) -> None:
    """What is to be written to must lead to a primary."""
    assert "take no changes" in refusal(DATABASE_URL=f"{DATABASE}?{query}")
    assert Config.from_environ({**WHOLE, "DATABASE_REPLICA_URL": f"{DATABASE}?{query}"})


@pytest.mark.parametrize(
    ("query", "read", "ignored"),
    [
        ("", "", ()),
        ("sslmode=require&channel_binding=require", "sslmode=require&channel_binding=require", ()),
        ("ssl=true", "sslmode=require", ()),
        ("ssl=true&sslmode=verify-full", "sslmode=verify-full", ()),
        ("ssl=false", "sslmode=prefer", ()),
        ("sslmode=no-verify", "sslmode=require", ()),
        ("schema=public&connection_limit=5&sslmode=disable", "sslmode=disable", ("schema", "connection_limit")),
        ("pgbouncer=true&statement_cache_size=0", "", ("statement_cache_size",)),
        ("options=-c%20search_path%3Dpublic", "options=-c%20search_path%3Dpublic", ()),
        ("target_session_attrs=read-write", "target_session_attrs=read-write", ()),
    ],
)
def test_what_platforms_write_is_understood(query: str, read: str, ignored: tuple[str, ...]) -> None:
    """Translated where ours has another word, left out where it is about another program's pool."""
    found = read_postgres(f"{DATABASE}?{query}")
    assert (found.url, found.ignored) == (f"{DATABASE}?{read}".rstrip("?"), ignored)
    assert found.pooled is ("pgbouncer" in query)
    assert conninfo.conninfo_to_dict(found.url)["password"] == "hid@den"


@pytest.mark.parametrize(
    ("url", "read", "ignored"),
    [
        (f"{CACHE}?family=0", CACHE, ("family",)),
        (f"{CACHE}?socket_timeout=30&max_connections=1", CACHE, ("socket_timeout", "max_connections")),
        (f"{CACHE}?ssl=true", CACHE.replace("redis:", "rediss:"), ()),
        (f"{CACHE}?tls=false", CACHE, ()),
        ("rediss://cache?ssl_cert_reqs=CERT_NONE", "rediss://cache?ssl_cert_reqs=none", ()),
        ("unix://:pw@/run/redis.sock?db=2", "unix://:pw@/run/redis.sock?db=2", ()),
        ("redis://cache?client_name=the+shop", "redis://cache?client_name=the%20shop", ()),
    ],
)
def test_what_platforms_write_for_redis_is_understood(url: str, read: str, ignored: tuple[str, ...]) -> None:
    """What would overrule our deadlines is left out, too: redis-py lets the URL win."""
    found = read_redis(url)
    assert (found.url, found.ignored) == (read, ignored)
    assert redis.ConnectionPool.from_url(found.url).make_connection()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///shop",
        "postgresql:///shop?host=/run/postgresql&user=shop",
        "postgresql://%2Frun%2Fpostgresql/shop",
        "postgresql://shop@[::1]:5432/shop",
        "postgresql://one:5432,two:5433/shop?target_session_attrs=read-write&load_balance_hosts=random",
        "postgresql://shop:p%25%3A%2F%3F%23w@db/shop",
        "postgresql://shop%40server:word@db/shop?application_name=a%26b",
    ],
)
def test_what_is_taken_libpq_reads(url: str) -> None:
    """Several hosts, sockets, addresses of version 6 and every character of a password come through unchanged."""
    assert Config.from_environ({**WHOLE, "DATABASE_URL": url})
    assert conninfo.conninfo_to_dict(read_postgres(url).url) == conninfo.conninfo_to_dict(url)


def test_the_parameters_are_those_of_the_drivers() -> None:
    """A new version of a driver that knows more, or less, fails here."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    assert {*POSTGRES_TAKEN} - {"oauth_client_secret"} | {"service"} == known - UNUSED
    assert not {*POSTGRES_IGNORED} & known
    for name, values in {**REDIS_TAKEN, **REDIS_TLS}.items():
        value = next(each for each in ("1", "2", "none") if values.fullmatch(each))
        assert redis.ConnectionPool.from_url(f"rediss://cache?{name}={value}").make_connection(), name
    assert not {*REDIS_IGNORED} & {*REDIS_TAKEN, *REDIS_TLS}


def test_a_pooler_is_a_setting_or_said_by_the_url() -> None:
    """The setting counts more; migrations and backups need a road around it."""
    pooled = {"DATABASE_URL": f"{DATABASE}?pgbouncer=true"}
    around = {"DATABASE_UNPOOLED_URL": DATABASE}
    assert "DATABASE_UNPOOLED_URL: Required with a pooler" in refusal(**pooled)
    assert "DATABASE_UNPOOLED_URL: Required with a pooler" in refusal(DATABASE_POOLER="session")
    for given, pooler in (
        ({}, "none"),
        ({**pooled, **around}, "transaction"),
        ({**pooled, "DATABASE_POOLER": "none"}, "none"),
        ({**around, "DATABASE_POOLER": "session"}, "session"),
    ):
        config = Config.from_environ({**WHOLE, **given})
        assert config.pooler(config.database_url) == pooler


def test_what_is_left_out_is_told_by_name() -> None:
    """For the log and the doctor: by setting, without values."""
    config = Config.from_environ({**WHOLE, "DATABASE_URL": f"{DATABASE}?pool=5", "REDIS_URL": f"{CACHE}?family=0"})
    assert config.ignored_parameters == {"DATABASE_URL": ("pool",), "REDIS_URL": ("family",)}


def test_migrations_read_urls_alike() -> None:
    """Alembic's own command gets its URL from the environment, past the settings."""
    with pytest.raises(MigrationError, match="cannot be read: Its parameter nonsense is not known"):
        Server(f"{DATABASE}?nonsense=1").connect()
    with pytest.raises(psycopg.Error, match="nonsense is not known"):
        parameters(f"{DATABASE}?nonsense=1")


def test_whatever_is_taken_can_be_used() -> None:
    """URLs put together at random: each is refused by name, or read by its driver; nothing else is raised."""
    chance = random.Random(20261130)
    taken = 0
    for _ in range(TRIES):
        name, scheme = chance.choice([("DATABASE_URL", "postgresql"), ("REDIS_URL", "redis")])
        url = f"{scheme}://{''.join(chance.choice(PIECES) for _ in range(chance.randrange(1, 9)))}"
        try:
            config = Config.from_environ({**WHOLE, name: url})
        except ConfigError as error:
            assert name in str(error)
            continue
        parameters(config.database_url)
        redis.ConnectionPool.from_url(read_redis(config.redis_url).url).make_connection()
        taken += 1
    assert taken > TRIES / 50


def test_a_start_with_what_platforms_write_is_told_of(
    build: Callable[..., Flask], settings: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Both servers are used, and the log and the doctor name what was left out."""
    database = f"{settings['DATABASE_URL']}?schema=public&connection_limit=5&target_session_attrs=read-write"
    app = build(DATABASE_URL=database, REDIS_URL=f"{settings['REDIS_URL']}?family=0")
    services = app.extensions["services"]
    services.start()
    until(lambda: not services.down(), 10, "all dependencies")
    told = [each.message for each in at_once(Installation(services)) if each.code == "url-parameters"]
    assert told == [
        "DATABASE_URL has parameters that are left out: schema, connection_limit",
        "REDIS_URL has parameters that are left out: family",
    ]
    logged = capfd.readouterr().out
    assert logged.count("parameters_left_out") == 2
    assert services.backups.program("pg_dump")
    with services.backups.exclusive():
        pass
