"""`deploy/run` serves, keeps what it starts alive, and leaves nothing behind."""

import contextlib
import os
import signal
from functools import partial
from pathlib import Path

import psycopg
import pytest
import requests

from deploy.private.servers import PostgresServer, RedisServer

from .launching import Checkout, Running, eventually, program, setting

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that runs now and then, with everything installed."""
    checkout = Checkout(tmp_path_factory.mktemp("used") / "copy")
    checkout.lend_environment()
    return checkout


def ended(pids: list[int]) -> bool:
    """Whether none of the processes runs any more."""
    return not any(program(pid) for pid in pids)


def users(run: Running) -> list[tuple[str]]:
    """Who is in the database of a running application."""
    with psycopg.connect(setting(run.processes("gunicorn")[0], "DATABASE_URL")) as connection:
        return connection.execute("SELECT username FROM users").fetchall()


def end(run: Running, number: signal.Signals) -> None:
    """Stop a run by a signal, and see that it ends everything, in order and with success."""
    pids = run.processes()
    for name in ("gunicorn", "redis-server", "postgres"):
        assert run.processes(name), name
    assert run.stop(number) == 0
    assert ended(pids)
    assert run.output().index("stopping gunicorn") < run.output().index("stopping Redis and PostgreSQL")


def test_a_second_start_finds_what_the_first_one_left(checkout: Checkout) -> None:
    """Ctrl-C and SIGTERM stop every process; data, administrator and key outlive it; nothing is installed again."""
    with checkout.running() as run:
        assert "Password, shown only this once" in run.output()
        assert len(users(run)) == 1
        key = setting(run.processes("gunicorn")[0], "SECRET_KEY")
        end(run, signal.SIGINT)
    with checkout.running() as run:
        assert "Password" not in run.output()
        assert "installing" not in run.output()
        assert len(users(run)) == 1
        assert setting(run.processes("gunicorn")[0], "SECRET_KEY") == key
        end(run, signal.SIGTERM)
    assert (checkout.folder / ".local" / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.full
def test_a_closed_terminal_ends_every_process(used: Checkout) -> None:
    """Nothing goes on unseen when the terminal is gone."""
    with used.running() as run:
        end(run, signal.SIGHUP)


@pytest.mark.full
def test_servers_that_are_named_are_not_started_and_may_come_later(checkout: Checkout, tmp_path: Path) -> None:
    """With both URLs given no server is started; the application serves without them, and migrates once they are up."""
    postgres = PostgresServer(tmp_path / "postgres", port=0, durable=False)
    redis = RedisServer(tmp_path / "redis", port=0, durable=False)
    for server in (postgres, redis):
        server.prepare()
    checkout.environ |= {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
    with contextlib.ExitStack() as ending, checkout.running() as run:
        assert requests.get(f"{run.url}/health", timeout=5).status_code == 200
        assert not run.healthy()
        for server in (postgres, redis):
            ending.callback(server.stop)
            server.start()
        eventually(partial(run.said, "Administrator admin created"))
        eventually(run.healthy)
        assert not run.processes("redis-server")
        assert not run.processes("postgres")
        assert not (checkout.folder / ".local" / "postgres").exists()
        assert not (checkout.folder / ".local" / "redis").exists()


@pytest.mark.full
def test_a_server_that_dies_is_started_again(used: Checkout) -> None:
    """The death of a private server is told in one line, and the application finds it again."""
    with used.running() as run:
        eventually(run.healthy)
        local = used.folder / ".local"
        for server in (PostgresServer(local / "postgres"), RedisServer(local / "redis")):
            server.kill()
        for title in ("PostgreSQL", "Redis"):
            eventually(partial(run.said, f"{title} ended, starting it again"))
        eventually(run.healthy)


@pytest.mark.full
def test_the_end_of_gunicorn_is_the_end_of_all(used: Checkout) -> None:
    """When gunicorn ends by itself everything is stopped, and its exit code is ours."""
    with used.running() as run:
        pids = run.processes()
        os.kill(run.processes("gunicorn")[0], signal.SIGKILL)
        assert run.process.wait(60) == 128 + signal.SIGKILL
        assert "gunicorn ended" in run.output()
        assert ended(pids)


@pytest.mark.full
def test_nothing_outlives_a_killed_launcher(used: Checkout) -> None:
    """A SIGKILL of the launcher ends all the rest."""
    with used.running() as run:
        pids = run.processes()
        run.stop(signal.SIGKILL)
        eventually(lambda: ended(pids))


@pytest.mark.full
def test_a_checkout_is_run_once(used: Checkout) -> None:
    """A second run of the same folder is refused in one line, and leaves the first alone."""
    with used.running() as run:
        refused = used.run()
        assert refused.returncode == 1
        assert refused.stderr.count("\n") == 1
        assert "already running" in refused.stderr
        eventually(run.healthy)
