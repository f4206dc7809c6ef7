"""The end of a body is known as soon as it has arrived, in whatever pieces it comes."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from rental_backend.web.operations.http_bodies import Chunked, Sized, body_of

MOST = 1000
WHOLE = {
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "several": (b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", b"hello"),
    "extensions": (b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n', b"hello"),
    "trailers": (b"A\r\nhelloworld\r\n0\r\nX-Sum: 1\r\nX-End: 2\r\n\r\n", b"helloworld"),
    "line ends within": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    "none": (b"0\r\n\r\n", b""),
}


@pytest.mark.parametrize(("sent", "read"), WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_a_chunked_body_is_whole_with_its_last_byte(sent: bytes, read: bytes, size: int) -> None:
    """Not before, and neither for longer; gunicorn reads from it what was sent."""
    body = Chunked(MOST)
    for start in range(0, len(sent), size):
        assert not body.whole
        body.feed(sent[start : start + size])
    assert (body.whole, body.endless) == (True, False)

    request = next(RequestParser(Config(), iter([_head(b"Transfer-Encoding: chunked") + sent]), ("", 0)))
    assert request.body.read() == read


@pytest.mark.parametrize("sent", [b"zz\r\n", b"-2\r\n", b"\r\n", b"2\r\nhi\r\nx\r\n"])
def test_what_is_no_body_is_not_waited_for(sent: bytes) -> None:
    """The application is asked at once, and reads the same."""
    body = Chunked(MOST)
    body.feed(sent)

    assert body.whole


@pytest.mark.parametrize(
    "sent",
    [
        b"3E9\r\n",  # 1,001 bytes
        b"3E8\r\n" + b"x" * 1000 + b"\r\n1\r\n",
        b"1;" + b"x" * 9000,  # a line that does not end
        b"0\r\n" + b"x: y\r\n" * 12_000,  # trailers that do not end
        b"1;" + b"x" * 700 + b"\r\n" + (b"x\r\n1;" + b"x" * 700 + b"\r\n") * 100,  # more framing than body
    ],
)
def test_a_body_that_is_too_large_is_not_waited_for(sent: bytes) -> None:
    """Neither for its data nor for what stands between them."""
    body = Chunked(MOST)
    body.feed(sent)

    assert (body.whole, body.endless) == (False, True)


def test_a_body_whose_length_was_said() -> None:
    """It is whole when all of it has come, and one that is too large is not waited for."""
    body = Sized(3, MOST)
    body.feed(b"ab")
    assert not body.whole
    body.feed(b"c")
    assert (body.whole, body.endless) == (True, False)
    assert (Sized(0, MOST).whole, Sized(MOST, MOST).endless, Sized(MOST + 1, MOST).endless) == (True, False, True)


@pytest.mark.parametrize(("header", "kind"), [(b"Transfer-Encoding: chunked", Chunked), (b"Content-Length: 3", Sized)])
def test_gunicorn_says_what_kind_of_body_it_is(header: bytes, kind: type[Any]) -> None:
    """Nobody else reads the head."""
    request = next(RequestParser(Config(), iter([_head(header)]), ("", 0)))

    assert type(body_of(request, MOST)) is kind


def _head(header: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: here\r\n" + header + b"\r\n\r\n"
