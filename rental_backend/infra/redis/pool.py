"""The connection pool of Redis: it hands out no connection that may lead to another server than a fresh one would."""

from typing import Any
from weakref import WeakKeyDictionary

import redis

from ...resilience import ConnectionEpoch


class EpochPool(redis.ConnectionPool):
    """A pool that opens a connection anew if it was opened under an earlier epoch."""

    epoch: ConnectionEpoch

    def __init__(self, *args: object, **more: object) -> None:
        self._opened: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        super().__init__(*args, **more)  # type: ignore[arg-type]

    def get_connection(self, *_: object, **__: object) -> Any:
        """Return a connection that may be used. Raises as connecting does."""
        epoch = self.epoch.current()  # before connecting
        connection: Any = super().get_connection()
        if self._opened.setdefault(connection, epoch) != epoch:
            try:
                connection.disconnect()
                connection.connect()
            except BaseException:
                self.release(connection)
                raise
            self._opened[connection] = epoch
        return connection
