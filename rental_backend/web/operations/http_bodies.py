"""How much of a request's body is still to come. What the body says is gunicorn's to read, once all of it is here."""

from typing import Protocol

from gunicorn.http.body import ChunkedReader
from gunicorn.http.message import Request

LONGEST_LINE = 8190  # bytes of the line before a chunk, as in gunicorn
MOST_FRAMING = 2**16  # bytes besides the data


class Body(Protocol):
    """A body that arrives.

    `whole` means that nothing more will come, or that what came is no body; `endless`, that it is longer than is taken,
    so that nobody waits for its end.
    """

    whole: bool
    endless: bool

    def feed(self, piece: bytes) -> None:
        """Note what has arrived."""


class Sized:
    """A body whose length was said."""

    def __init__(self, length: int, most: int) -> None:
        self._lacking = length
        self.whole = not length
        self.endless = length > most

    def feed(self, piece: bytes) -> None:
        """Note what has arrived."""
        self._lacking -= len(piece)
        self.whole = self._lacking <= 0


class Chunked:
    """A body in chunks, of which at most `most` bytes are taken."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._framing = most + MOST_FRAMING  # one-byte chunks of a body that is taken may have six times its length
        self._line = b""
        self._chunk = 0  # bytes that the present chunk lacks, with the line end after it
        self._trailer = False
        self.whole = False
        self.endless = False

    def feed(self, piece: bytes) -> None:
        """Note what has arrived."""
        at = 0
        while at < len(piece) and not self.whole:
            if self._chunk:
                step = min(self._chunk, len(piece) - at)
                self._chunk -= step
                at += step
                continue
            end = piece.find(b"\n", at) + 1
            self._line += piece[at : end or None]
            self._framing -= (end or len(piece)) - at
            if self._framing < 0 or len(self._line) > LONGEST_LINE:
                self.endless = True
                return
            if not end:
                return
            at = end
            self._read_line()

    def _read_line(self) -> None:
        line, self._line = self._line.rstrip(b"\r\n"), b""
        if self._trailer:
            self.whole = not line
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        self._most -= size
        self.whole = size < 0
        self.endless = self._most < 0
        self._trailer = size == 0
        self._chunk = size and size + 2


def body_of(request: Request, most: int) -> Body:
    """Return the body of a request whose head was read."""
    reader = request.body.reader
    return Chunked(most) if isinstance(reader, ChunkedReader) else Sized(reader.length, most)
