"""`flask doctor`: each thing that is wrong is found, with what mends it; what hangs does not hold it up."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from rental_backend.doctor.budget import ConnectionBudget
from rental_backend.doctor.cache import setup
from rental_backend.doctor.databases import APART, clock
from rental_backend.doctor.examination import run as examine
from rental_backend.doctor.findings import Severity, passed
from rental_backend.infra.redis.server_check import RedisStatus as Vitals
from tests.proxy import Proxy

from .conftest import run, told

WHOLE = 3.0  # seconds, for a doctor who reaches nothing
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$bm90YXBhc3N3b3Jk"
KEY = "Zb3kT9w-QpX7uYhR2nVdLs84JmCfGa6E"


def findings(app: Flask) -> dict[str, dict[str, str]]:
    """Return what the doctor finds, by code; every finding to be mended says how, and decides the exit code."""
    done = run(app, "doctor", "--json")
    said = told(done)
    wrong = [each for each in said["findings"] if each["level"] in ("WARN", "FAIL")]
    assert all(each["mend"] for each in wrong)
    assert (done.exit_code, said["healthy"]) == (1 if wrong else 0, not wrong)
    return {each["code"]: each for each in said["findings"]}


@pytest.fixture
def role(engine: Engine, settings: dict[str, str]) -> Iterator[str]:
    """A role that may do what the application needs, and the URL by which it comes."""
    url = make_url(settings["DATABASE_URL"]).set(username="shopkeeper", password="hidden-word-7")
    statements = (
        "CREATE ROLE shopkeeper LOGIN PASSWORD 'hidden-word-7'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shopkeeper",
        "GRANT USAGE, CREATE ON SCHEMA public TO shopkeeper",
    )
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text("DROP OWNED BY shopkeeper"))
        connection.execute(text("DROP ROLE shopkeeper"))


@pytest.fixture
def well(build: Callable[..., Flask], role: str, settings: dict[str, str]) -> Iterator[Flask]:
    """An installation with nothing to mend."""
    with Redis.from_url(settings["REDIS_URL"]) as redis:
        redis.config_set("save", "3600 1")
        yield build(DATABASE_URL=role, SECRET_KEY=KEY, BREAK_GLASS_HASH=HASH)
        redis.config_set("save", "")


def test_a_sound_installation(well: Flask) -> None:
    """Nothing is to be mended: exit code 0; for a human each check is a line, and no secret is in any."""
    found = findings(well)
    told = run(well, "doctor")

    assert {code for code, each in found.items() if each["level"] not in ("PASS", "SKIP")} == set()
    assert {"settings", "secret-key", "cors-setting", "database", "database-clock", "database-timeout"} <= set(found)
    assert {"database-rights", "connections", "schema", "redis", "redis-clock", "redis-eviction"} <= set(found)
    assert {"redis-persistence", "journal-folder", "backup-folder", "shared-memory", "backup-programs"} <= set(found)
    assert re.search(r"answers in [\d.]+ ms, of a deadline of 800 ms", found["database"]["message"])
    assert told.exit_code == 0
    assert told.output.endswith("All is well.\n")
    assert "hidden-word-7" not in told.output
    assert KEY not in told.output


def test_the_role_of_the_database(well: Flask, engine: Engine) -> None:
    """Rights that are missing are named by table, those beyond need too."""
    with engine.begin() as connection:
        connection.execute(text("REVOKE DELETE, UPDATE ON customers FROM shopkeeper"))
        connection.execute(text("REVOKE UPDATE ON security_audit_logs FROM shopkeeper"))  # nobody needs it
        connection.execute(text("ALTER ROLE shopkeeper CREATEROLE"))

    found = findings(well)

    assert "customers (DELETE, UPDATE)" in found["database-rights"]["message"]
    assert "security_audit_logs" not in found["database-rights"]["message"]
    assert "CREATEROLE" in found["database-role"]["message"]
    assert (found["database-rights"]["level"], found["database-role"]["level"]) == ("FAIL", "WARN")


@pytest.mark.parametrize(
    ("revision", "level", "said"), [("202611251920", "FAIL", "behind"), ("999912319999", "WARN", "does not know")]
)
def test_the_revision_of_the_database(well: Flask, engine: Engine, revision: str, level: str, said: str) -> None:
    """One that is behind is to be migrated, one that is ahead belongs to another version."""
    found = _at_revision(well, engine, revision)
    assert (found["level"], said in found["message"]) == (level, True), found


def _at_revision(app: Flask, engine: Engine, revision: str) -> dict[str, str]:
    with engine.begin() as connection:
        head = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    try:
        return findings(app)["schema"]
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": head})


def test_what_is_wrong_with_this_host(build: Callable[..., Flask], tmp_path: Path) -> None:
    """A folder that is a file, no programs for backups, a poor key, a bad origin, a mode, nobody to sign in by."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    found = findings(
        build(
            JOURNAL_FOLDER=str(tmp_path / "file" / "journal"),
            PG_BIN=str(tmp_path / "empty"),
            SECRET_KEY="abcabcabc" * 4,
            SECRET_KEYS_OLD="abcabcabc" * 4,
            CORS_ORIGINS="https://shop.example/ http://shop.example",
            MODE="read-only",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        )
    )

    levels = {code: each["level"] for code, each in found.items()}
    assert levels["journal-folder"] == "FAIL"
    for code in ("backup-programs", "secret-key", "secret-key-old", "mode", "break-glass", "traces", "database-role"):
        assert levels[code] == "WARN", code


def test_a_program_older_than_the_server(build: Callable[..., Flask], tmp_path: Path) -> None:
    """Its backup would fail: that is said before it is needed."""
    for name in ("pg_dump", "pg_restore"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6'\n")
        program.chmod(0o755)

    found = findings(build(PG_BIN=str(tmp_path)))["backup-programs"]

    assert found["level"] == "WARN"
    assert "pg_dump is of 9" in found["message"]


def test_how_redis_is_set_up() -> None:
    """Old, a replica, full one day without eviction, forgetful: each is said with its mend."""
    sound = {"latency": 0.001, "ahead": 0.0, "version": (7, 4, 1), "policy": "noeviction", "maxmemory": 0}

    def levels(**more: object) -> dict[str, Severity]:
        made = Vitals(**{**sound, "persistent": True, "replica": False, **more})  # type: ignore[arg-type]
        return {each.code: each.level for each in setup(made)}

    assert set(levels().values()) == {Severity.PASS}
    assert levels(version=(6, 0, 20))["redis-version"] is Severity.FAIL
    assert levels(replica=True)["redis-replica"] is Severity.FAIL
    assert levels(maxmemory=2**28)["redis-eviction"] is Severity.WARN
    assert levels(policy="allkeys-lru")["redis-eviction"] is Severity.WARN
    assert levels(maxmemory=2**28, policy="volatile-ttl")["redis-eviction"] is Severity.PASS
    assert levels(persistent=False)["redis-persistence"] is Severity.WARN
    assert levels(persistent=None)["redis-persistence"] is Severity.SKIP


def test_clocks_and_connections() -> None:
    """Clocks that differ, and more connections than there are, are faults."""
    assert [clock("redis", ahead).level for ahead in (0.2, -0.2, APART + 0.1, -APART - 0.1)] == [
        *(Severity.PASS, Severity.PASS, Severity.FAIL, Severity.FAIL),
    ]
    assert ConnectionBudget(1, 1, 2, 12, 100).finding().level is Severity.PASS
    assert ConnectionBudget(1, 1, 8, 12, 100).finding().level is Severity.FAIL


def test_a_check_that_hangs_or_fails_is_a_finding() -> None:
    """The others are told all the same, in time, and what an error says is not repeated."""

    def hang() -> list[object]:
        threading.Event().wait(30)
        return []

    def fail() -> list[object]:
        raise ValueError("a secret")

    began = time.monotonic()
    found = examine({"slow": hang, "broken": fail, "sound": lambda: [passed("sound", "it is")]}, 0.2)  # type: ignore[dict-item]

    assert time.monotonic() - began < 1
    assert [(each.code, each.level) for each in found] == [
        *(("slow", Severity.FAIL), ("broken", Severity.FAIL), ("sound", Severity.PASS)),
    ]
    assert "a secret" not in str(found)


def test_with_everything_down(build: Callable[..., Flask]) -> None:
    """Black holes for database, accounts and Redis: findings in time, exit code 1, no traceback, no secret."""
    with contextlib.closing(Proxy(1)) as proxy:
        proxy.black_hole()
        silent = f"nobody:hidden-word@127.0.0.1:{proxy.port}"
        urls = dict.fromkeys(("DATABASE_URL", "AUTH_DATABASE_URL"), f"postgresql://{silent}/shop")
        app = build(**urls, REDIS_URL=f"redis://{silent}/0")
        began = time.monotonic()
        done = run(app, "doctor")
        took = time.monotonic() - began

    print(f"findings after {took:.2f} s")
    for code in ("database", "auth", "schema", "redis"):
        assert re.search(f"^FAIL {code}: .*does not answer.* -> ", done.output, re.MULTILINE), done.output
    assert "hidden-word" not in done.output
    assert "Traceback" not in done.output
    assert done.exit_code == 1
    assert took <= WHOLE
