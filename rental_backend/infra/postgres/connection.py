"""A psycopg connection that keeps its deadline even if the server is frozen or the network drops every packet."""

import ipaddress
import re
import select
import socket
import time
from collections.abc import Generator
from typing import Any, ClassVar

import psycopg
from psycopg import conninfo, errors
from psycopg.abc import RV, PQGen, PQGenConn
from psycopg.rows import TupleRow

from ...config import UrlError, read_postgres
from ...resilience import limit
from ...resilience.deadline import SHORTEST, budget_end
from .far_dates import read_far_dates

read_far_dates()

# libpq repeats parts of the URL, and so of a wrongly quoted password: only these words are shown.
SIGNS = {
    "Connection refused": "connection refused",
    "resolve host": "its host name is not known",
    "translate host": "its host name is not known",
    "no password supplied": "it asks for a password",
    "SSL": "no encrypted connection",
    "No such file": "there is no server at its socket",
    "closed the connection": "it hung up",
}


class CommitLost(Exception):
    """The connection was lost while committing: the outcome is unknown."""


class BudgetSpent(psycopg.OperationalError):
    """The request had too little time left for the wait to say anything about the server."""


class Unreadable(psycopg.ProgrammingError):
    """A URL that cannot be used; the message, if there is one, contains no value of it."""


class DeadlineConnection(psycopg.Connection[Any]):
    """Waits at most `deadline` seconds, or what is left of the request's budget, for each response of the server.

    On a frozen server `statement_timeout` does not fire and the kernel keeps acknowledging, so the client enforces the
    deadline. A connection that missed it is closed: what it was doing can no longer be known.
    """

    deadline: float = 1.0
    longest_wait: float = 0.0
    epoch: int = 0  # of `ConnectionEpoch`
    prepare_after: int | None = 5  # uses of a statement in autocommit until it is prepared
    connect_deadline: ClassVar[float] = 1.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Drive `gen` to its end, or close the connection and raise `ConnectionTimeout`."""
        began, ends, allowed = time.monotonic(), budget_end(), self.deadline if timeout is None else timeout
        if timeout is None and ends is not None:  # `limit`, written out: a request waits here ten times
            allowed = max(SHORTEST, min(allowed, ends - began))
        try:
            return super().wait(gen, min(interval, allowed), allowed)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise _timeout_error("answer", allowed, self.deadline) from None
        finally:
            self.longest_wait = max(self.longest_wait, time.monotonic() - began)

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Any]:
        """Connect, giving up after `connect_deadline` (libpq and psycopg round anything below 2 s up)."""
        return _with_deadline(super()._connect_gen(conninfo), cls.connect_deadline)


def _timeout_error(wanted: str, allowed: float, deadline: float) -> psycopg.OperationalError:
    """Return the error of a wait of `allowed` seconds: below half the deadline it says nothing about the server."""
    message = f"no {wanted} within {allowed:.2f} s"
    return BudgetSpent(message) if allowed < deadline / 2 else errors.ConnectionTimeout(message)


def _with_deadline(steps: PQGenConn[RV], deadline: float) -> PQGenConn[RV]:
    """Run a connection's steps until the deadline or the end of the budget; psycopg yields every 0.1 s."""
    allowed = limit(deadline)
    ends = time.monotonic() + allowed
    step = next(steps)
    while True:
        ready = yield step
        if time.monotonic() >= ends:
            steps.close()
            raise _timeout_error("connection", allowed, deadline)
        try:
            step = steps.send(ready)
        except StopIteration as done:
            value: RV = done.value
            return value


def is_closed_by_server(connection: psycopg.Connection[TupleRow]) -> bool:
    """Tell, without a round trip, whether the server closed this idle connection or sent something unexpected."""
    if connection.closed:
        return True
    look = select.poll()  # select() refuses descriptors above 1023
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


# D8: names are resolved by probes only.
class Address:
    """The server's address. Only `resolve` resolves names, so that a hung resolver blocks no request."""

    def __init__(self, url: str) -> None:
        self._params = parameters(url)
        self._resolved: dict[str, str] = {}

    def resolve(self) -> bool:
        """Resolve the host name, remember its addresses, and tell whether none of them is one of before.

        May block as long as the resolver does.
        Once they are known, a failing resolver does no harm: they remain until it answers again.
        """
        host, port = str(self._params.get("host") or ""), str(self._params.get("port") or 5432)
        if not host or "," in host or host.startswith(("/", "@")) or _numeric(host):
            return False
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            if self._resolved:
                return False
            raise
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        before = str(self._resolved.get("hostaddr") or "").split(",")
        self._resolved = {
            "host": ",".join([host] * len(addresses)),
            "hostaddr": ",".join(addresses),
            "port": ",".join([port] * len(addresses)),
        }
        return before != [""] and not {*before} & {*addresses}

    def conninfo(self, options: str, application: str) -> str:
        """Return libpq's connection string with our session settings and keepalives."""
        given: dict[str, Any] = {**self._params, **self._resolved}
        given["options"] = f"{given.get('options') or ''} {options}".strip() or None
        defaults: dict[str, Any] = {
            "application_name": application,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        return conninfo.make_conninfo("", **{**defaults, **{k: v for k, v in given.items() if v is not None}})


def parameters(url: str) -> dict[str, Any]:
    """Return what libpq reads in a URL. Raises `Unreadable`."""
    try:
        return dict(conninfo.conninfo_to_dict(read_postgres(url, writes=False).url))
    except UrlError as error:
        raise Unreadable(str(error)) from None
    except psycopg.ProgrammingError:
        raise Unreadable from None


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def reason(error: psycopg.Error) -> str:
    """Return why there is no connection, without the connection string."""
    text = str(error)
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "it does not answer"
    if isinstance(error, psycopg.ProgrammingError):
        why = f": {text.rstrip('.')}" if text and isinstance(error, Unreadable) else ""
        return f"its URL cannot be read{why}"
    if match := re.search(r"FATAL:\s+(.+)", text):
        return match[1]
    return next((reason for sign, reason in SIGNS.items() if sign in text), "the connection failed")
