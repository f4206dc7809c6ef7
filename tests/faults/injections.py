"""How each fault is made and ended: context managers over the stage, which do nothing else."""

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis

from deploy.private.server import PrivateServer
from tests.faults.stage import SMALL_DISK, Stage
from tests.proxy import Proxy
from tests.serving import until

Inject = Callable[[Stage], AbstractContextManager[None]]
COMMITTING = "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'"
SLOW_COMMITS = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION dawdle()"""
CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'rental_backend%'"


def road(name: str, fault: Callable[[Proxy], None]) -> Inject:
    """Have something befall a road."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        proxy: Proxy = getattr(stage, name)
        fault(proxy)
        yield
        proxy.restore()

    return inject


def refuse(proxy: Proxy) -> None:
    """Nobody listens."""
    proxy.refuse()


def swallow(proxy: Proxy) -> None:
    """Nothing comes through, and nobody says so."""
    proxy.black_hole()


def slow(proxy: Proxy) -> None:
    """Each answer takes two seconds more."""
    proxy.delay = 2.0


def cut(proxy: Proxy) -> None:
    """Each answer breaks off in its middle."""
    proxy.cutting = True


def deafen(proxy: Proxy) -> None:
    """What is asked arrives, and is done; no answer comes back."""
    proxy.deaf = True


def freeze(name: str) -> Inject:
    """Suspend a server."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        server: PrivateServer = getattr(stage, name)
        server.freeze()
        yield
        server.thaw()

    return inject


@contextmanager
def restart(stage: Stage) -> Iterator[None]:
    """PostgreSQL ends in order, and is started again."""
    stage.postgres.stop()
    yield
    stage.postgres.start()


@contextmanager
def kill_in_commit(stage: Stage) -> Iterator[None]:
    """PostgreSQL is killed while it commits, and recovers from its log."""
    with stage.admin() as admin:
        admin.execute(SLOW_COMMITS)
        until(lambda: admin.execute(COMMITTING).fetchone(), what="a commit under way")
        stage.postgres.kill()
        yield
        stage.postgres.start()
    with stage.admin() as admin:
        admin.execute("DROP FUNCTION dawdle CASCADE")


@contextmanager
def read_only(stage: Stage) -> Iterator[None]:
    """PostgreSQL takes no more writes, as a primary that was demoted."""
    with stage.admin() as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        yield
        admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        admin.execute("SELECT pg_reload_conf()")


@contextmanager
def no_connections(stage: Stage) -> Iterator[None]:
    """Others take every connection that PostgreSQL grants."""
    with stage.admin() as admin, ExitStack() as others:

        def all_taken() -> bool:
            admin.execute(CUT_OFF)
            with contextlib.suppress(psycopg.OperationalError):
                while True:  # until one is refused
                    others.enter_context(contextlib.closing(psycopg.connect(stage.postgres.url)))
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'rental_backend%'"
            return admin.execute(query).fetchone() == (0,)

        until(all_taken, what="no connection is left")
        yield


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of its own."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        place.rmdir()


@contextmanager
def disk_full(stage: Stage) -> Iterator[None]:
    """The disk of the keys of requests has no byte left (a tablespace of its own; needs root, to mount it)."""
    place, move = stage.folder / "small", "ALTER TABLE idempotency_keys SET TABLESPACE"
    owner = stage.postgres.data.stat()
    with stage.admin() as admin, small_disk(place):
        os.chown(place, owner.st_uid, owner.st_gid)
        admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        admin.execute(f"{move} small")
        filler = place / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096):
                pass
        yield
        filler.unlink()
        admin.execute(f"{move} pg_default")
        admin.execute("DROP TABLESPACE small")


@contextmanager
def password_changed(stage: Stage) -> Iterator[None]:
    """Nobody gets in with the old password, and who is in is thrown out."""
    with stage.admin() as admin:
        admin.execute("ALTER USER postgres PASSWORD 'another one'")
        admin.execute(CUT_OFF)
        yield
        admin.execute(f"ALTER USER postgres PASSWORD '{stage.postgres.password}'")


@contextmanager
def flushed(stage: Stage) -> Iterator[None]:
    """Redis forgets everything, twice."""
    with redis.Redis.from_url(stage.redis.url) as client:
        client.flushall()
        yield
        client.flushall()


@contextmanager
def replica(stage: Stage) -> Iterator[None]:
    """Redis has become a replica, which takes no writes."""
    with redis.Redis.from_url(stage.redis.url) as client:
        client.replicaof("127.0.0.1", "1")
        yield
        client.replicaof("NO", "ONE")


@contextmanager
def out_of_memory(stage: Stage) -> Iterator[None]:
    """Redis has no memory left and evicts nothing."""
    with redis.Redis.from_url(stage.redis.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")
        yield
        client.config_set("maxmemory", "0")


@contextmanager
def fail_over(stage: Stage) -> Iterator[None]:
    """Redis dies, and an empty one takes its place where it was."""
    stage.redis.kill()
    yield
    stage.cache.target = stage.spare.port or 0
    stage.cache.reset()
    stage.redis.start()


@contextmanager
def worker_killed(stage: Stage) -> Iterator[None]:
    """One of the workers is killed, and replaced by gunicorn."""
    before = stage.server.workers()
    os.kill(before[0], signal.SIGKILL)
    yield
    until(lambda: len(stage.server.workers()) == len(before), what="a new worker")


@contextmanager
def clock_back(stage: Stage) -> Iterator[None]:
    """The wall clock is set back an hour while PostgreSQL is frozen, and forward again before it is thawed."""
    stage.postgres.freeze()
    stage.step_clock(-3600)
    yield
    stage.step_clock(0)
    stage.postgres.thaw()


@contextmanager
def clock_ahead(stage: Stage) -> Iterator[None]:
    """The wall clock jumps ten minutes ahead, and back."""
    stage.step_clock(600)
    yield
    stage.step_clock(0)


@contextmanager
def flapping(stage: Stage) -> Iterator[None]:
    """The road to the database comes and goes, never as long as half a second."""
    stop, chance = threading.Event(), random.Random(7)

    def flap() -> None:
        while not stop.wait(chance.uniform(0.1, 0.5)):
            stage.database.black_hole()
            stop.wait(chance.uniform(0.1, 0.5))
            stage.database.restore()

    thread = threading.Thread(target=flap)
    thread.start()
    yield
    stop.set()
    thread.join()
    stage.database.restore()


def together(*injects: Inject) -> Inject:
    """Several at once."""

    @contextmanager
    def inject(stage: Stage) -> Iterator[None]:
        with ExitStack() as stack:
            for each in injects:
                stack.enter_context(each(stage))
            yield

    return inject
