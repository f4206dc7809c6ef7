"""Answers that are sent while they are made."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stream:
    """A file to be saved. Its chunks are made outside of the request, so they take their connections themselves.

    An outage in the middle breaks the connection off before the last chunk, so that no client takes it for the whole.
    """

    chunks: Iterable[bytes]
    media_type: str
    filename: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say what it is and how it is called."""
        return {
            "Content-Type": self.media_type,
            "Content-Disposition": f'attachment; filename="{self.filename}"',
        }
