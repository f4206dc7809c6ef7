"""The settings: read once, refused as a whole, and never repeated where somebody might read them."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rental_backend.config import Config, ConfigError

ROOT = Path(__file__).parents[2]
WHOLE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k" * 32,
    "DATABASE_URL": "postgresql://shop:word@db.example:5432/shop",
    "REDIS_URL": "rediss://:word@cache.example:6379/0",
}


def test_a_whole_environment_is_read() -> None:
    """What is set counts, with its type; the rest has its default."""
    config = Config.from_environ(
        {**WHOLE, "PORT": "9000", "AUTH_FRESH": "2.5", "CORS_ORIGINS": "https://a.b, https://c.d"}
    )

    assert (config.environment, config.port, config.auth_fresh) == ("production", 9000, 2.5)
    assert config.cors_origins == ("https://a.b", "https://c.d")
    assert (config.workers, config.max_body_bytes, config.access_token_minutes) == (0, 2**20, 30)


def test_former_keys_are_a_list() -> None:
    """They are given with commas or blanks between them; none by default."""
    config = Config.from_environ({**WHOLE, "SECRET_KEYS_OLD": f"{'a' * 32}, {'b' * 40}"})

    assert config.secret_keys_old == ("a" * 32, "b" * 40)
    assert Config.from_environ(WHOLE).secret_keys_old == ()


def test_all_faults_are_named_at_once_and_no_value_is_told() -> None:
    """Whoever starts it reads every fault in one go, and nothing that was set."""
    faulty = {
        **WHOLE,
        "SECRET_KEY": "too-short-secret",
        "DATABASE_URL": "mysql://shop:hidden-word@db/shop",
        "REDIS_URL": "http://hidden-word@cache",
        "PORT": "99999",
        "WEB_CONCURRENCY": "many-hidden-word",
        "DATABASE_DEADLINE": "-1",
        "AUTH_FRESH": "NaN",
        "LOG_LEVEL": "hidden-word",
        "CORS_LOCALHOST": "hidden-word",
        "ENVIRONMENT": "hidden-word",
        "ADMIN_PASSWORD": "hidden",
    }

    with pytest.raises(ConfigError) as refused:
        Config.from_environ(faulty)

    said = str(refused.value)
    assert all(name in said for name in faulty), said
    assert [value for value in faulty.values() if value in said and len(value) > 5] == []
    assert "hidden" not in said
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("environment", ["production", "staging", None, ""])
def test_production_has_no_default_for_a_secret(environment: str | None) -> None:
    """Without an environment it is production, and there key, database and Redis have to be given: all are named."""
    given = {} if environment is None else {"ENVIRONMENT": environment}

    with pytest.raises(ConfigError) as refused:
        Config.from_environ(given)

    assert all(name in str(refused.value) for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL"))


def test_what_is_wrong_and_what_is_missing_are_named_together() -> None:
    """A fault in one setting does not hide that another one is missing; what is given but wrong is not missing."""
    with pytest.raises(ConfigError) as refused:
        Config.from_environ({"PORT": "x", "SECRET_KEY": "short"})

    said = str(refused.value)
    assert all(f"{name}: " in said for name in ("PORT", "SECRET_KEY", "DATABASE_URL", "REDIS_URL"))
    assert said.count("Required in production.") == 2


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("blank", [None, "", "   ", "\n"])
def test_a_blank_secret_is_a_missing_one(missing: str, blank: str | None) -> None:
    """A variable that is set to nothing is not set."""
    given = {name: value for name, value in WHOLE.items() if name != missing}

    with pytest.raises(ConfigError, match=missing):
        Config.from_environ(given if blank is None else {**given, missing: blank})


def test_blank_counts_as_unset() -> None:
    """Blank variables, which some platforms set for all that is declared, leave the defaults."""
    names = [field.metadata["name"] for field in dataclasses.fields(Config)]

    blank, bare = Config.from_environ({**dict.fromkeys(names, " "), **WHOLE}), Config.from_environ(WHOLE)

    assert blank == bare


@pytest.mark.parametrize("environment", ["development", "test"])
def test_outside_production_nothing_is_required(environment: str) -> None:
    """A developer starts with nothing: the key is made up anew each time, and is a good one."""
    first, second = (Config.from_environ({"ENVIRONMENT": environment}) for _ in range(2))

    assert len(first.secret_key) >= 32
    assert first.secret_key != second.secret_key
    assert not first.production


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "AUTH_DATABASE_URL"])
def test_every_spelling_of_a_postgresql_url_is_taken(scheme: str, name: str) -> None:
    """Platforms write `postgres://`; the driver's spelling is ours to know."""
    config = Config.from_environ({**WHOLE, name: f" {scheme}://shop:w%40rd@db.example/shop?sslmode=require\n"})

    field = {"DATABASE_URL": config.database_url, "AUTH_DATABASE_URL": config.auth_database_url}[name]
    assert field == "postgresql+psycopg://shop:w%40rd@db.example/shop?sslmode=require"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("DATABASE_URL", value) for value in ("sqlite:///x", "db.example", "postgresql://", "postgresql:/x", "x")),
        *(("REDIS_URL", value) for value in ("memcached://x", "redis://", "localhost:6379")),
        *(("PORT", value) for value in ("0", "-1", "65536", "eighty", "80.5", "8e3")),
        *(("REQUEST_BUDGET", value) for value in ("0", "-1", "inf", "nan", "1e9", "fast")),
        *(("WEB_CONCURRENCY", value) for value in ("-1", "65", "auto")),
        *(("PRESTOP_DELAY", value) for value in ("-1", "601", "nan", "soon")),
        ("MIGRATE_AT_START", "perhaps"),
        *(("CORS_LOCALHOST", value) for value in ("3000", "3000-", "on", "3000-3010-3020")),
        ("SECRET_KEY", "k" * 31),
        ("SECRET_KEYS_OLD", f"{'k' * 32} {'k' * 31}"),
        ("SIGN_IN_ATTEMPTS", "0"),
        ("ADMIN_PASSWORD", "short"),
        ("LOG_LEVEL", "loud"),
        ("ENVIRONMENT", "prod"),
        ("MAX_JSON_DEPTH", "201"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    """Nothing is guessed: a wrong value is refused by the name of its variable."""
    with pytest.raises(ConfigError, match=name):
        Config.from_environ({**WHOLE, name: value})


def test_settings_cannot_be_changed() -> None:
    """What was read at the start is in force until the end."""
    config = Config.from_environ(WHOLE)

    with pytest.raises(dataclasses.FrozenInstanceError):
        config.port = 1  # type: ignore[misc]


def test_settings_do_not_print_their_secrets() -> None:
    """A settings object that ends up in a log or a traceback shows no key, password or URL."""
    config = Config.from_environ({**WHOLE, "ADMIN_PASSWORD": "hidden-word", "SECRET_KEYS_OLD": "kkkk" * 9})

    shown = f"{config!r} {config}"

    assert [secret for secret in ("kkkk", "word@", "hidden-word") if secret in shown] == []


def test_every_setting_is_documented() -> None:
    """Each says in words what it means, under a name of its own in capitals."""
    names = [field.metadata["name"] for field in dataclasses.fields(Config)]

    assert len(set(names)) == len(names)
    for field in dataclasses.fields(Config):
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", field.metadata["name"])
        assert len(field.metadata["help"]) > 5, field.name


def test_the_table_has_every_setting_with_its_meaning_and_default() -> None:
    """The table of settings beside the program is what the program takes."""
    table = (ROOT / "rental_backend" / "config" / "README.md").read_text()

    for field in dataclasses.fields(Config):
        default = " ".join(field.default) if isinstance(field.default, tuple) else field.default
        assert f"| `{field.metadata['name']}` | {field.metadata['help']} | {default} |" in table


def test_nothing_else_reads_the_environment() -> None:
    """Settings have one door; whoever wants one asks `Config`."""
    readers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "rental_backend").rglob("*.py")
        if re.search(r"os\.environ|os\.getenv|from os import .*(environ|getenv)", path.read_text())
    }

    assert readers == {"rental_backend/config/config.py"}


@pytest.mark.parametrize("command", [["flask", "--app", "wsgi", "routes"], ["gunicorn", "--check-config", "wsgi:app"]])
def test_a_program_that_cannot_start_says_why_in_one_line(command: list[str]) -> None:
    """Whatever starts the program, a fault of the settings is told without a traceback, and fails."""
    environ = {"PATH": "/usr/bin:/bin", "PORT": "hidden-word"}

    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert all(name in said for name in ("PORT", "SECRET_KEY", "DATABASE_URL", "REDIS_URL")), said
    assert "Traceback" not in said
    assert "hidden-word" not in said
