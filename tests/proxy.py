"""A TCP proxy that can fail as networks do: say nothing, say it late, say half of it, or not be there."""

import contextlib
import socket
import struct
import threading
import time

LOOPBACK = "127.0.0.1"
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close that resets


class Proxy:
    """Forwards loopback connections to `target`. In a black hole it accepts, reads nothing and never answers.

    What the server says is passed on after `delay` seconds. `cutting` passes half an answer on and resets; `deaf` keeps
    the answers to itself, while what clients say arrives. `waiting` holds how many connections waited for an answer
    from each moment on (monotonic seconds), `restored` when it last began to forward again.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = self.restored = 0.0
        self.cutting = self.deaf = False
        self.waiting: list[tuple[float, int]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._counters = threading.Lock()
        self._asked: set[int] = set()
        self._living: set[int] = set()
        self._open: list[socket.socket] = []
        self._listen(0)

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server((LOOPBACK, port), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def black_hole(self) -> None:
        """Swallow everything from now on, on old and new connections."""
        self._flowing.clear()

    def refuse(self) -> None:
        """Be a port where nobody listens, until `restore`."""
        self._hang_up()
        self.reset()

    def restore(self) -> None:
        """Forward again; connections of before are reset, as their peers have long given them up."""
        self.restored = time.monotonic()
        self.delay, self.cutting, self.deaf = 0.0, False, False
        self.reset()
        self._flowing.set()
        if self._listener.fileno() < 0:
            self._listen(self.port)

    def reset(self) -> None:
        """Close every connection at once."""
        held, self._open = self._open, []
        for each in held:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """Stop for good."""
        self._flowing.set()
        self._hang_up()
        self.reset()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._flowing.wait()
        if client.fileno() < 0:  # reset meanwhile: the server never hears of who gave up in a black hole
            return
        try:
            server = socket.create_connection((LOOPBACK, self.target), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.append(server)
        self._living.add(id(client))
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client, answers=True)
        self._living.discard(id(client))  # who still asks on it waits for nothing
        self._count(id(client), asked=False)

    def _pump(self, source: socket.socket, sink: socket.socket, *, answers: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if not answers:
                    self._count(id(source), asked=True)
                    sink.sendall(data)
                elif not self.deaf:
                    self._answer(sink, data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, data: bytes) -> None:
        """Pass an answer on, as late and as much of it as is wanted."""
        if self.delay:
            time.sleep(self.delay)  # the fault itself
        if self.cutting:
            client.sendall(data[: len(data) // 2])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            client.close()
            raise ConnectionResetError
        client.sendall(data)
        self._count(id(client), asked=False)

    def _count(self, client: int, *, asked: bool) -> None:
        with self._counters:
            before = len(self._asked)
            (self._asked.add if asked and client in self._living else self._asked.discard)(client)
            if len(self._asked) != before:
                self.waiting.append((time.monotonic(), len(self._asked)))
