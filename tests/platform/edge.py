"""A small reverse proxy, as a platform has at its edge: keeps connections to an upstream that can be switched."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

LOOPBACK = "127.0.0.1"
SLOT_HEADER = b"x-slot"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Message:
    """One HTTP message: its first line and headers, and its body."""

    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header; the name is in lower case."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None

    @property
    def closes(self) -> bool:
        """Whether its sender hangs up behind it."""
        return (self.header(b"connection") or b"").lower() == b"close"


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Read one message with a length; None when the peer has hung up before its first byte."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    length = int(Message(head, b"").header(b"content-length") or 0)
    return Message(head, await reader.readexactly(length))


async def read_answer(reader: asyncio.StreamReader) -> Message:
    """Read the answer to what was asked. Raises ConnectionResetError when the peer has hung up instead."""
    answer = await read_message(reader)
    if answer is None:
        raise ConnectionResetError
    return answer


def bad_gateway(reason: str) -> Message:
    """Return what an edge says when its upstream fails: 502."""
    body = reason.encode()
    head = b"HTTP/1.1 502 Bad Gateway\r\nX-Edge: failed\r\nContent-Length: %d\r\n\r\n" % len(body)
    return Message(head, body)


class Edge:
    """Serves on `port` from the active of its upstreams (ports by name), and repeats no request.

    What it is told takes effect `lag` seconds later, as everywhere where an edge is more than one machine. A request
    with `X-Slot: NAME` goes to the upstream of that name, if there is one, so that one without traffic can be tried.
    """

    def __init__(self, *, lag: float = 0.0) -> None:
        self.lag = lag
        self._upstreams: dict[str, int] = {}
        self._active = ""
        self._idle: defaultdict[int, list[Pair]] = defaultdict(list)
        self.failures: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, LOOPBACK, 0, backlog=512))
        self.port = int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def active(self) -> str:
        """The name of the upstream that gets the traffic; nothing before the first."""
        return self._active

    def register(self, upstreams: Mapping[str, int]) -> None:
        """Make upstreams known by name, without sending them traffic."""
        self._upstreams.update(upstreams)

    def switch(self, name: str) -> None:
        """Send the traffic to the upstream of that name, and return when that is so."""
        if name not in self._upstreams:
            raise KeyError(name)
        time.sleep(self.lag)  # what is being told on the way to the edge
        self._active = name

    def close(self) -> None:
        """Stop serving; whoever is connected is cut off."""
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _shut(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _, writer in (pair for pairs in self._idle.values() for pair in pairs):
            writer.transport.abort()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client, request after request, until he hangs up."""
        try:
            while request := await read_message(reader):
                answer = await self._forward(request)
                writer.write(_without_connection(answer.head) + answer.body)
                await writer.drain()
                if request.closes:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client's affair
        finally:
            writer.close()

    async def _forward(self, request: Message) -> Message:
        wanted = (request.header(SLOT_HEADER) or b"").decode()
        slot = wanted if wanted in self._upstreams else self._active
        port = self._upstreams.get(slot)
        if port is None:
            return bad_gateway(f"no upstream {slot!r}")
        try:
            return await self._ask(port, request)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failures.append(f"{slot}: {type(error).__name__}")
            return bad_gateway(f"upstream: {type(error).__name__}")

    async def _ask(self, port: int, request: Message) -> Message:
        """Send a request to an upstream, once, and return its answer. Raises what went wrong."""
        reader, writer = pair = await self._connection(port)
        try:
            writer.write(request.head + request.body)
            answer = await read_answer(reader)
        except BaseException:
            writer.transport.abort()
            raise
        if answer.closes:
            writer.close()
        else:
            self._idle[port].append(pair)
        return answer

    async def _connection(self, port: int) -> Pair:
        """Return a kept connection that is still open as far as one can know, else a new one."""
        while self._idle[port]:
            pair = self._idle[port].pop()
            if not pair[0].at_eof():
                return pair
            pair[1].transport.abort()
        return await asyncio.open_connection(LOOPBACK, port)


def _without_connection(head: bytes) -> bytes:
    """Leave out what only concerns the connection to the upstream."""
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"connection:"))
