"""gunicorn's worker of threads, in which no thread waits for a client: one loop waits for all of them.

A request comes to a thread when all of it has arrived. What a client does not take of its answer at once goes back to
the loop with the rest of the answer, and a thread goes on once more is taken. So does the end of a connection.
"""

import errno
import selectors
import socket
import struct
import time
from concurrent.futures import Future
from dataclasses import dataclass
from logging import Logger

from gunicorn import util
from gunicorn.config import Config
from gunicorn.errors import ConfigError

from .http_answering import AnsweringWorker
from .http_connection import Connection
from .http_refusals import TooMuch, TooSlow
from .http_waiting import SMALL, Heard, Waiting, allow_files

LOOK = 0.5  # seconds between two looks for who is late
LOOK_AT_THE_END = 0.1
LINGER = 2.0  # seconds for which an answered client may still send: closing earlier may take its answer from it
DRAIN = 5.0  # the same, of a client whose body was refused and is on its way
MOST_DRAINED = 32 * 2**20  # bytes
LEAST_RATE = 1024  # bytes of a request in a second
# D132: what clients hold is bounded.
MOST_HELD = 64 * 2**20  # bytes of requests and answers of one worker that are not done with
RESET = struct.pack("ii", 1, 0)
OTHER_FILES = 256  # besides connections of clients


@dataclass(frozen=True, slots=True)
class Bounds:
    """What clients may take: `patience` in seconds for each part of a request or an answer, `body` in bytes."""

    patience: float = 20.0
    body: int = 2**20


# D131: no thread waits for a client.
class Worker(AnsweringWorker):
    """gunicorn's worker of threads; `bounds` are set before it runs."""

    bounds = Bounds()

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)
        self._waiting = Waiting(lambda: self.poller)
        self._look_at = 0.0

    @classmethod
    def check_config(cls, cfg: Config, log: Logger) -> None:
        """Refuse what this worker does not do."""
        if cfg.is_ssl:
            raise ConfigError("TLS ends at the edge: leave out certfile and keyfile.")
        super().check_config(cfg, log)

    def init_process(self) -> None:
        """Allow for as many open files as there may be clients, or for as many clients as there may be files."""
        files = allow_files(self.worker_connections + OTHER_FILES)
        self.worker_connections = max(self.cfg.threads, files - OTHER_FILES)
        super().init_process()

    def run(self) -> None:
        """Serve until told to end, then answer what has come, for as long as a worker may take to end."""
        self.poller.register(self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks)
        while self.alive and self.is_parent_alive():
            self.set_accept_enabled(self.nr_conns < self.worker_connections or bool(self._waiting))
            self._turn(LOOK)
        self.set_accept_enabled(False)
        ends = time.monotonic() + self.cfg.graceful_timeout
        self._waiting.hurry(LINGER)
        while self.nr_conns > 0 and time.monotonic() < ends:
            self._turn(LOOK_AT_THE_END)
        self.tpool.shutdown(wait=False)
        self.poller.close()
        self.method_queue.close()
        for listener in self.sockets:
            listener.close()

    def _turn(self, look: float) -> None:
        """Do what clients and threads have sent, and look from time to time for clients who are late."""
        self.notify()
        self.wait_for_and_dispatch_events(look)
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + look
            self._waiting.tell_late()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and the request that may have come with it."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        if self.nr_conns > self.worker_connections:
            self._make_room()
        conn = Connection(self.cfg, sock, client, listener.getsockname())
        self._await_request(conn)

    def _await_request(self, conn: Connection) -> None:
        """Take what a client has sent already, else wait for them; they need not send anything."""
        piece = conn.receive()
        if piece is None:
            seconds = self.cfg.keepalive if self.alive else LINGER
            self._waiting.wait(conn, selectors.EVENT_READ, heard=self._hear, late=self._close, seconds=seconds)
        else:
            self._take(conn, piece)

    def _hear(self, conn: Connection) -> None:
        piece = conn.receive()
        if piece is not None:
            self._take(conn, piece)

    def _take(self, conn: Connection, piece: bytes) -> None:
        """Take what a client has sent; nothing means that they have gone."""
        if piece:
            conn.take(piece)
            self._hold(conn, conn.held + len(piece))
            self._consider(conn)
        elif conn.is_cut_off():
            self._hand_over(conn)
        else:
            self._close(conn)

    def _consider(self, conn: Connection) -> None:
        """Hand a request over that has arrived, refuse one that cannot be read, else wait for the rest."""
        try:
            whole = conn.is_whole(self.bounds.body)
        except StopIteration:  # the request before said that it was the last
            self._close(conn)
        except Exception as error:
            self._refuse(conn, error)
        else:
            if whole and self._waiting.held > MOST_HELD and conn.held > SMALL:
                self._refuse(conn, TooMuch())
            elif whole:
                self._hand_over(conn)
            elif not conn.arriving:
                conn.arriving = True
                self._await_more(conn, selectors.EVENT_READ, self._hear)

    def _await_more(self, conn: Connection, event: int, heard: Heard) -> None:
        """Wait for a client who is in the middle of something."""
        conn.progress()
        self._waiting.wait(conn, event, heard=heard, late=self._judge, seconds=self.bounds.patience)

    def _hand_over(self, conn: Connection) -> None:
        self._waiting.leave(conn)
        self.enqueue_req(conn)

    def finish_request(self, conn: Connection, future: "Future[bool | None]") -> None:
        """Go on with a connection after its thread: true keeps it, false ends it, None waits until more is taken."""
        try:
            kept = future.result()
        except Exception:
            self._close(conn)
            return
        if kept is None:
            self._hold(conn, conn.outlet.left())
            self._await_more(conn, selectors.EVENT_WRITE, self._hand_over)
            return
        self._hold(conn, 0)
        if not kept:
            self._linger(conn)
        elif conn.has_more_than_answered():
            self._consider(conn)
        else:
            self._await_request(conn)

    def _judge(self, conn: Connection) -> None:
        """Go on waiting for a client who is not too slow."""
        least = 1 if conn.answer else LEAST_RATE * self.bounds.patience  # kernels tell of what was taken in large steps
        if conn.progress() < least:
            self._cut(conn)
        else:
            conn.due = time.monotonic() + self.bounds.patience

    def _cut(self, conn: Connection) -> None:
        """Wait no longer for a client."""
        if conn.answer:
            self.log.warning("an answer was cut off: its client takes it too slowly")
            self.tpool.submit(conn.answer.close)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)  # else the kernel keeps what is not taken
            self._close(conn)
        elif conn.arriving:
            self._refuse(conn, TooSlow())
        else:
            self._close(conn)

    def _make_room(self) -> None:
        """End the longest waiting connection."""
        if victim := self._waiting.longest():
            self._cut(victim)
            if victim in self._waiting:  # to end in time
                self._close(victim)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        """Say why a request is refused, and end the connection."""
        self.handle_error(conn.request, conn.outlet, conn.client, error)
        self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """Say that nothing more follows, and close once the client has. Unread bytes would make a reset of a close."""
        conn.give_up()
        self._waiting.hold(conn, 0)
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # they have gone
            self._close(conn)
            return
        seconds = DRAIN if conn.is_endless else LINGER
        self._waiting.wait(conn, selectors.EVENT_READ, heard=self._drain, late=self._close, seconds=seconds)

    def _drain(self, conn: Connection) -> None:
        piece = conn.receive()
        if piece is not None:
            conn.drained += len(piece)
            if not piece or conn.drained > MOST_DRAINED:
                self._close(conn)

    def _close(self, conn: Connection) -> None:
        self._waiting.leave(conn)
        self._hold(conn, 0)
        self.nr_conns -= 1
        util.close(conn.sock)

    def _hold(self, conn: Connection, held: int) -> None:
        """Note how many bytes are kept for a connection; if all are too many, those go who have waited the longest."""
        self._waiting.hold(conn, held)
        if self._waiting.held > MOST_HELD:
            for each in self._waiting.heavy(but=conn):
                self._cut(each)
                if self._waiting.held <= MOST_HELD:
                    return
