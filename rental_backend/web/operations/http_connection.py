"""One client's connection, on which nobody ever waits: what has arrived of a request, and what is left of an answer."""

import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Generator
from socket import socket
from typing import Any

from gunicorn import http
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.unreader import Unreader
from werkzeug.exceptions import RequestEntityTooLarge

from .http_bodies import Body, body_of

PIECE = 2**16  # bytes that are taken at once
LONGEST_HEAD = 2**16  # bytes; gunicorn bounds lines and headers further
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Arrived(Unreader):  # type: ignore[misc]
    """What has arrived and was not read. A thread never waits for a client here: what has not arrived does not come.

    With `endless`, what has arrived is a part of more than is taken.
    """

    endless = False

    def add(self, piece: bytes) -> None:
        """Take what has arrived."""
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(piece)

    def chunk(self, size_hint: int | None = None) -> bytes:  # noqa: ARG002
        """Return nothing: there is no more. Raises 413 in a body that is too large."""
        if self.endless:
            raise RequestEntityTooLarge
        return b""


class Outlet:
    """Where an answer is written to, as to a socket: it keeps what the client does not take at once."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._left: list[bytes | memoryview] = []
        self._sent = 0

    def sendall(self, data: bytes) -> None:
        """Keep what is to be sent by the next `flush`."""
        if data:
            self._left.append(data)

    def send(self, data: bytes) -> int:
        """Keep what is to be sent by the next `flush`; return its length."""
        self.sendall(data)
        return len(data)

    def flush(self) -> bool:
        """Send what the client takes now, and tell whether that was all. Raises OSError if they have gone."""
        while self._left:
            try:
                sent = self._sock.sendmsg(self._left[:64])
            except BlockingIOError:
                return False
            self._sent += sent
            self._forget(sent)
        return True

    def _forget(self, sent: int) -> None:
        for number, data in enumerate(self._left):
            if sent < len(data):
                self._left[: number + 1] = [memoryview(data)[sent:]]
                return
            sent -= len(data)
        self._left.clear()

    def left(self) -> int:
        """Return how many bytes are kept."""
        return sum(map(len, self._left))

    def taken(self) -> int:
        """Return how many bytes the client has taken so far: what still lies in our kernel is not."""
        queued = b"\0" * 4
        with contextlib.suppress(OSError):  # they have gone
            queued = fcntl.ioctl(self._sock, termios.TIOCOUTQ, queued)
        return self._sent - int(struct.unpack("i", queued)[0])


class Connection:
    """What a worker knows of a connection. A thread has it, or the loop that waits for all clients, never both.

    While it waits for its client, `heard` and `late` are what is called then, the latter after `due`. `held` is how
    many bytes are kept for it, `arriving` whether a request has begun, `served` whether one was answered, `ending`
    whether none is read any more.
    """

    heard: Callable[["Connection"], None]
    late: Callable[["Connection"], None]

    def __init__(self, cfg: Config, sock: socket, client: object, server: object) -> None:
        sock.setblocking(False)
        self.sock, self.client, self.server = sock, client, server
        self.outlet = Outlet(sock)
        self.parser = http.get_parser(cfg, (), client)
        self._arrived = self.parser.unreader = Arrived()
        self.request: Any = None  # once its head was read, if that was for its body
        self._body: Body | None = None
        self.answer: Generator[None, None, bool] | None = None
        self.arriving = self.served = self.ending = False
        self.due = 0.0
        self.held = self.drained = 0
        self._received = self._seen = 0

    def receive(self) -> bytes | None:
        """Return what the client has sent, nothing if they have gone, None if there is nothing yet."""
        try:
            return self.sock.recv(PIECE)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def take(self, piece: bytes) -> None:
        """Keep what has arrived."""
        self._received += len(piece)
        self._arrived.add(piece)
        if self._body:
            self._body.feed(piece)

    def is_whole(self, most: int) -> bool:
        """Tell whether a request can be answered without waiting for its client: all of it is here, or too much.

        Bodies have at most `most` bytes. Raises errors of gunicorn if the request cannot be read.
        """
        if self._body is None:
            head = self._head()
            if head is None:
                return False
            if b"\ncontent-length" not in head and b"\ntransfer-encoding" not in head:
                return True
            self._body = self._begin_body(most)
        if self._body.endless and not self._body.whole:
            self._arrived.endless = True
            self.request.force_close()  # nobody knows where the next one would begin
            return True
        return self._body.whole

    def is_cut_off(self) -> bool:
        """Tell whether the client has gone within a body: the application says so, should they still listen."""
        if self._body is None:
            return False
        self.request.force_close()
        return True

    def _head(self) -> bytes | None:
        """Return the head of the next request in small letters, or None if it has not arrived yet."""
        data = self._arrived.buf.getvalue()
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            return bytes(data[:end].lower())
        if data.count(b"\n") != data.count(b"\r\n"):
            raise errors.InvalidHeader("bare LF as line terminator")  # its end would not be known
        if len(data) > LONGEST_HEAD:
            raise errors.LimitRequestHeaders("head")
        return None

    def _begin_body(self, most: int) -> Body:
        """Read the head, since a body follows it, and say that it may come if the client waits for that."""
        self.request = next(self.parser)
        body = body_of(self.request, most)
        body.feed(self._arrived.buf.getvalue())
        if self.request._expected_100_continue:
            self.request._expected_100_continue = False  # gunicorn would say so once it is here
            if not body.whole and not body.endless:
                with contextlib.suppress(OSError):  # they have gone
                    self.sock.send(CONTINUE)
        return body

    @property
    def is_endless(self) -> bool:
        """Whether more of a refused body is on its way."""
        return self._arrived.endless

    def is_read(self) -> bool:
        """Read on to the end of the request, and tell whether that is known; called when it was answered."""
        try:
            return bool(self.parser.finish_body())
        except Exception:  # it is no body
            return False

    def has_more_than_answered(self) -> bool:
        """Forget the request that was answered, and tell whether something of the next one is here."""
        self.request = self._body = None
        self.arriving, self.served = False, True
        return bool(self._arrived.buf.tell())

    def give_up(self) -> None:
        """Keep nothing of what has arrived: no request is read any more."""
        self.arriving, self.ending = False, True
        self._arrived.take_buffered()

    def progress(self) -> int:
        """Return how many bytes the client has sent, or taken of its answer, since this was asked last."""
        total = self.outlet.taken() if self.answer else self._received
        made, self._seen = total - self._seen, total
        return made
