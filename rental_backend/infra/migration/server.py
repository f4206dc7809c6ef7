"""Connections for migrations: short lock timeouts, long statement timeouts, and no password in any message."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from ..postgres.address import Address, reason
from ..postgres.connection import DeadlineConnection
from .outcome import Exit, MigrationError

HOPELESS = re.compile(r"authentication failed|does not exist|pg_hba\.conf|asks for a password|cannot be read")


class Unreachable(MigrationError):
    """There is no connection; `hopeless` when waiting will not bring one."""

    def __init__(self, reason: str) -> None:
        super().__init__(Exit.UNREACHABLE, f"The database cannot be reached: {reason}.")
        self.hopeless = HOPELESS.search(reason) is not None


@dataclass(frozen=True, repr=False)  # so that printing it shows no password
class Server:
    """The database at `url`. A lock may take `lock_timeout` seconds, a statement `statement_timeout` seconds.

    Everybody behind us in the queue for a lock waits as long as we do, hence the short lock timeout. A server that is
    `deadline` seconds late with a connection, a small response or the end of a statement is given up.
    """

    url: str
    lock_timeout: float = 2.0
    statement_timeout: float = 300.0
    deadline: float = 3.0

    def connect(self) -> DeadlineConnection:
        """Open a connection. Raises `Unreachable`."""
        lock, statement = int(self.lock_timeout * 1000), int(self.statement_timeout * 1000)
        settings = (
            f"-c lock_timeout={lock} -c statement_timeout={statement} "
            "-c idle_in_transaction_session_timeout=30s -c timezone=UTC "
            "-c client_connection_check_interval=1s"  # so that the statement of a killed run ends, too
        )
        kind: type[DeadlineConnection] = type("Connection", (DeadlineConnection,), {"connect_deadline": self.deadline})
        try:
            connection = kind.connect(Address(self.url).conninfo(settings, "rental_backend migrate"))
        except psycopg.Error as error:
            raise Unreachable(reason(error)) from None
        connection.deadline = self.statement_timeout + self.deadline
        return connection

    def reach(self, ends: float, say: Callable[[str], None]) -> DeadlineConnection:
        """Connect in autocommit as soon as the server answers. Raises `Unreachable` if it does not before `ends`."""
        announced = ""
        while True:
            try:
                connection = self.connect()
            except Unreachable as error:
                left = ends - time.monotonic()
                if error.hopeless or left <= 0:
                    raise
                if str(error) != announced:
                    say(f"{error} Waiting.")
                    announced = str(error)
                time.sleep(min(0.5, left))
                continue
            connection.autocommit = True
            connection.deadline = self.deadline
            return connection

    def engine(self) -> Engine:
        """Return an engine that opens such connections and keeps none."""
        return create_engine("postgresql+psycopg://", creator=self.connect, poolclass=NullPool, hide_parameters=True)
