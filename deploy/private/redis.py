"""A private Redis."""

import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from deploy.private import binaries
from deploy.private.server import PrivateServer


class RedisServer(PrivateServer):
    """A private Redis; clients authenticate by password on sockets too."""

    title = "Redis"
    program = "redis-server"
    socket_name = "redis.sock"
    polite = (signal.SIGTERM,)

    @property
    def url(self) -> str:
        """Where redis-py connects."""
        if self.port:
            return f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        return f"unix://:{self.password}@{quote(str(self.folder / self.socket_name))}?db=0"

    def _prepare(self) -> None:
        super()._prepare()
        self.data.mkdir(0o700, exist_ok=True)
        place = f"port {self.port}" if self.port else f"port 0\nunixsocket ../{self.socket_name}\nunixsocketperm 700"
        saving = "save 60 1" if self.durable else 'save ""'
        path = self.folder / "redis.conf"
        path.touch(0o600)
        path.write_text(f"bind 127.0.0.1\n{place}\nrequirepass {self.password}\n{saving}\n")

    def _command(self) -> Sequence[str | Path]:
        return [binaries.redis(), "../redis.conf"]

    def _answers(self, connection: socket.socket) -> bool:
        connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
        with connection.makefile("rb") as replies:
            return [replies.readline().strip() for _ in range(2)] == [b"+OK", b"+PONG"]  # not while it loads its data
