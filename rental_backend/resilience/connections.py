"""Which connections to a dependency may still be used, over all workers of a host."""

from collections.abc import Callable
from functools import partial

from .breaker import Breaker
from .breaker_state import ENDED, EPOCH, SERVER, microseconds

LEAST = 0.5  # seconds between two epochs that calls end
CONDEMNED = -1  # the epoch of a connection that is not used again, whatever happens to the others


# D120: what speaks against a server speaks against the connections to it.
class ConnectionEpoch:
    """The number under which connections to a dependency are opened. One of an earlier number is not used again.

    The number lies in shared memory, so all workers give up the same connections at once. It rises when the breaker
    closes after an outage, when an error says that another server should answer (`end`), and when a probe reaches
    another server than the last one (`recognise`).
    """

    def __init__(self, breaker: Breaker) -> None:
        state = breaker.engine.breaker_state
        self._memory, self._words = state.memory, state.words
        self._at, self._server_at, self._ended_at = state.base + EPOCH, state.base + SERVER, state.base + ENDED
        self._clock = breaker.engine.clock
        self.current: Callable[[], int] = partial(state.words.__getitem__, self._at)
        """The present number. One memory access, and no call of Python code.

        Read it before connecting: a connection is as old as the start of its making.
        """

    def end(self, epoch: int) -> None:
        """Give up the connections of an epoch, unless somebody has done so: each epoch is ended once.

        It lasts half a second at the least. Where the new connections are no better than those before them, all
        workers would otherwise open theirs anew at every call.
        """
        with self._memory.locked():
            now, ended = microseconds(self._clock()), self._words[self._ended_at]
            if self._words[self._at] == epoch and (not ended or now >= ended + microseconds(LEAST)):
                self._words[self._at] += 1
                self._words[self._ended_at] = now

    def recognise(self, server: int) -> None:
        """Record which server a fresh connection reached, and give up all connections if the last one was another.

        `server` is a number of at most 63 bits that no two servers have in common, 0 if the server does not tell.
        """
        if server in (0, self._words[self._server_at]):
            return
        with self._memory.locked():
            known, self._words[self._server_at] = self._words[self._server_at], server
            if known not in (0, server):
                self._words[self._at] += 1
