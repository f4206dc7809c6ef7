"""A TCP proxy that can swallow everything: what a network does when it fails without saying so."""

import contextlib
import socket
import threading

LOOPBACK = "127.0.0.1"


class Proxy:
    """Forwards loopback connections to `target`. In a black hole it accepts, reads nothing and never answers."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((LOOPBACK, 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def black_hole(self) -> None:
        """Swallow everything from now on, on old and new connections."""
        self._flowing.clear()

    def restore(self) -> None:
        """Forward again; connections of the black hole are reset, as their peers have long given them up."""
        self.reset()
        self._flowing.set()

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
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._flowing.wait()
        try:
            server = socket.create_connection((LOOPBACK, self._target), timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self._open.append(server)
        threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
        self._pump(server, client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
