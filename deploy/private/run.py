"""`deploy/run`: what the application needs is installed, started, watched, and stopped in order."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

from deploy.private import binaries
from deploy.private.binaries import ROOT
from deploy.private.console import Console, SetupError
from deploy.private.environment import Environment, child_environment
from deploy.private.server import PrivateServer
from deploy.private.servers import PostgresServer, RedisServer
from deploy.private.stage import Stage

LOCAL = ROOT / ".local"
LOG = LOCAL / "log"


def run(console: Console, kind: type[Stage] = Stage, defaults: Mapping[str, str] = MappingProxyType({})) -> int:
    """Serve until the user, whose wish it is then, or gunicorn, whose exit code it is then, ends it.

    `defaults` are settings that hold unless the user says others.
    """
    with _sole_owner(), ExitStack() as undo:
        port = _free_port()
        environment = Environment(LOCAL / "run" / "venv", ("run.txt",), console, LOG / "install.log")
        environment.ensure()
        servers = _servers()
        if servers and not binaries.all_chosen():
            environment.ensure_servers()
        for server in servers.values():
            undo.callback(server.stop)
            server.prepare()
        unsaid = {name: value for name, value in defaults.items() if not _given(name)}
        settings = child_environment(PORT=str(port), **_settings(servers), **unsaid)
        stage = kind(console, environment.python, settings, list(servers.values()), LOG / "setup.log")
        undo.callback(stage.stop)
        return stage.play(retry="DATABASE_URL" not in servers)


def _servers() -> dict[str, PrivateServer]:
    """The servers that the user did not name, by the variable that would have named them."""
    servers: dict[str, PrivateServer] = {
        "DATABASE_URL": PostgresServer(LOCAL / "postgres", log=LOG / "postgres.log"),
        "REDIS_URL": RedisServer(LOCAL / "redis", log=LOG / "redis.log"),
    }
    return {variable: server for variable, server in servers.items() if not _given(variable)}


def _settings(servers: dict[str, PrivateServer]) -> dict[str, str]:
    """What the application must be told beyond what the user told it."""
    settings = {variable: server.url for variable, server in servers.items()}
    if "DATABASE_URL" in servers and not _given("PG_BIN"):
        settings["PG_BIN"] = str(binaries.postgres("postgres").parent)  # where pg_dump is of the server's version
    environment = _given("ENVIRONMENT")
    if not environment and not _given("RAILWAY_ENVIRONMENT_NAME"):
        settings["ENVIRONMENT"] = environment = "development"
    if environment == "development" and not _given("SECRET_KEY"):
        settings["SECRET_KEY"] = _secret_key(LOCAL / "secret_key")
    return settings


def _secret_key(path: Path) -> str:
    """The key of this checkout, the same at every start, so that sessions outlive a restart."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.touch(0o600)
        draft.write_text(secrets.token_urlsafe(48))
        draft.rename(path)
    return path.read_text()


def _given(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _free_port() -> int:
    """The port to serve on; raises SetupError when nobody can serve there."""
    text = _given("PORT") or "8000"
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise SetupError(f"PORT must be a number from 1 to 65535, not {text!r}")
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        socket.create_server(("", int(text)), family=family, dualstack_ipv6=both).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SetupError(f"cannot serve on port {text}: {reason} (set PORT to another)") from None
    return int(text)


@contextmanager
def _sole_owner() -> Iterator[None]:
    """Keep others from running this checkout, for as long as this process lives."""
    (LOCAL / "run").mkdir(parents=True, exist_ok=True)
    with (LOCAL / "run" / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(f"deploy/run is already running in {ROOT}") from None
        yield
