"""Answers that are sent while they are made."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Stream:
    """A file to be saved. Its chunks are made outside of the request, so they take their connections themselves.

    An outage in the middle breaks the connection off before the last chunk, so that no client takes it for the whole.
    """

    chunks: Iterable[bytes]
    media_type: str
    filename: str
    size: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what it is and how it is called."""
        return {
            "Content-Type": self.media_type,
            "Content-Disposition": f'attachment; filename="{self.filename}"',
            **({} if self.size is None else {"Content-Length": str(self.size)}),
        }


def of_file(path: Path, name: str) -> Stream:
    """Return a file that lies here, to be saved under a name, of which only harmless letters are kept."""
    file = path.open("rb")
    harmless = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "file"
    return Stream(_pieces(file), "application/octet-stream", harmless + path.suffix, path.stat().st_size)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
