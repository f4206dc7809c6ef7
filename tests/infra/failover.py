"""A primary and its standby behind one address, which can be switched over without cutting connections."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from deploy.private.servers import PostgresServer
from tests.outages.standby import Standby
from tests.proxy import Proxy
from tests.serving import until


@dataclass(frozen=True)
class Failover:
    """One address, `url`, that leads to the primary at first. Connections live on when it leads elsewhere."""

    primary: PostgresServer
    standby: Standby
    proxy: Proxy

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.primary.url.replace(f":{self.primary.port}/", f":{self.proxy.port}/")

    def promote(self, *, fenced: bool) -> None:
        """Have the standby take over; the old primary lives on, read-only if it is `fenced`."""
        if fenced:
            ask(self.primary, "ALTER SYSTEM SET default_transaction_read_only = on")
            ask(self.primary, "SELECT pg_reload_conf()")
        ask(self.standby, "SELECT pg_promote()")
        until(lambda: ask(self.standby, "SELECT NOT pg_is_in_recovery()"), 30, "the standby was promoted")
        self.proxy.target = int(self.standby.port or 0)


def ask(server: PostgresServer, statement: str) -> object:
    """Run a statement around the application, and return the first value of its answer."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


@contextmanager
def standing(folder: Path, start: Callable[[Path], PostgresServer]) -> Iterator[Failover]:
    """Have such a pair, of which `start` makes the primary in a folder."""
    primary = start(folder / "primary")
    standby = Standby(folder / "standby", primary)
    standby.start()
    proxy = Proxy(int(primary.port or 0))
    try:
        yield Failover(primary, standby, proxy)
    finally:
        proxy.close()
        standby.stop()
        primary.stop()
