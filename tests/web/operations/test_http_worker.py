"""What gunicorn refuses by itself is a problem document, too, and repeats nothing that was sent."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.http import errors

from rental_backend.web.operations.http_refusals import BROKEN, refusal
from tests.serving import Gunicorn, serving, until

SENT = "ann@planted.example"
HOST = "Host: here\r\n"
UNREADABLE = {
    "no request line": (400, f"{SENT}\r\n\r\n"),
    "a method that is none": (400, f"G({SENT} / HTTP/1.1\r\n{HOST}\r\n"),
    "another version": (400, f"GET /{SENT} HTTP/7.0\r\n{HOST}\r\n"),
    "a header without a colon": (400, f"GET / HTTP/1.1\r\n{HOST}{SENT}\r\n\r\n"),
    "a name that is none": (400, f"GET / HTTP/1.1\r\n{HOST}{SENT}: x\r\n\r\n"),
    "a folded header": (400, f"GET / HTTP/1.1\r\n{HOST}X-One: a\r\n {SENT}\r\n\r\n"),
    "a length that is none": (400, f"POST / HTTP/1.1\r\n{HOST}Content-Length: {SENT}\r\n\r\n"),
    "two lengths": (400, f"POST /{SENT} HTTP/1.1\r\n{HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    "a coding that is none": (501, f"POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: {SENT}\r\n\r\n"),
    "an expectation": (417, f"POST / HTTP/1.1\r\n{HOST}Expect: {SENT}\r\nContent-Length: 2\r\n\r\n"),
    "a long line": (414, f"GET /?{'x' * 9000}{SENT} HTTP/1.1\r\n{HOST}\r\n"),
    "a long header": (431, f"GET / HTTP/1.1\r\n{HOST}X-Long: {'x' * 9000}{SENT}\r\n\r\n"),
    "many headers": (431, f"GET / HTTP/1.1\r\n{HOST}X-One: {SENT}\r\n" + "X-One: x\r\n" * 200 + "\r\n"),
}


@pytest.fixture(scope="module")
def server(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """A server as it is shipped."""
    folder = tmp_path_factory.mktemp("refusing")
    environ = {**settings, "WEB_CONCURRENCY": "1", "JOURNAL_FOLDER": str(folder), "LOG_LEVEL": "DEBUG"}
    with serving(environ, folder / "log") as server:
        yield server


def _heard(server: Gunicorn, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send these bytes; return the status, headers and body of what is answered."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(2**16):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}, body


@pytest.mark.parametrize(("status", "sent"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_request_that_cannot_be_read_is_refused_by_a_problem(server: Gunicorn, status: int, sent: str) -> None:
    """With an id by which it is found in the log; neither repeats what was sent."""
    before = len(server.log.read_text())

    heard, headers, body = _heard(server, sent.encode())

    said, logged = json.loads(body), server.log.read_text()[before:]
    assert (heard, said["status"], headers["content-type"]) == (status, status, "application/problem+json")
    assert {"type", "title", "detail", "code", "request_id"} <= said.keys()
    assert headers["x-request-id"] == said["request_id"]
    assert int(headers["content-length"]) == len(body)
    assert said["request_id"] in logged
    assert SENT not in body.decode() + logged


@pytest.mark.parametrize(
    ("path", "forged", "status"),
    [
        ("/x/health", "SCRIPT_NAME: /x", 404),
        ("/health", "SCRIPT_NAME: /x", 200),  # a mount that the path is not below would be a 500
        ("/nowhere", "PATH_INFO: /health", 404),
        ("/api/customers", "REMOTE_USER: admin", 401),
        ("/health", "X-Forwarded-Ssl: off", 200),  # beside an edge's own header it would be a 400
    ],
)
def test_a_header_of_a_client_is_no_variable_of_the_server(
    server: Gunicorn, path: str, forged: str, status: int
) -> None:
    """Neither where the application is mounted, nor the path, the user or the scheme are what a client says."""
    said = f"GET {path} HTTP/1.1\r\n{HOST}X-Forwarded-Proto: https\r\n{forged}\r\nConnection: close\r\n\r\n"
    heard, _, _ = _heard(server, said.encode())

    assert heard == status


def test_the_edge_says_that_it_is_https(server: Gunicorn) -> None:
    """Links are made with the scheme that the edge has heard."""
    said = f"GET /status.json HTTP/1.1\r\n{HOST}X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    _, _, body = _heard(server, said.encode())

    assert json.loads(body)["page"]["url"] == "https://here/status"


def test_what_gunicorn_may_raise_has_an_answer() -> None:
    """A new kind of error of a newer gunicorn is 400 or 500, never a page of HTML."""
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]

    assert len(kinds) > 15
    assert {refusal(kind.__new__(kind)).status for kind in kinds} <= {400, 403, 414, 417, 431, 500, 501}
    assert refusal(ValueError(SENT)) is BROKEN


def test_an_error_outside_of_the_application_is_a_problem(tmp_path: Path, settings: dict[str, str]) -> None:
    """With the id that was sent; the log has its stack, and neither its message nor the query."""
    (tmp_path / "broken.py").write_text(
        "import wsgi\napp = wsgi.app\ninner = app.wsgi_app\n"
        "def fail(environ, start_response):\n"
        "    if environ['PATH_INFO'] == '/fail':\n"
        "        raise ValueError(environ['QUERY_STRING'])\n"
        "    return inner(environ, start_response)\n"
        "app.wsgi_app = fail\n"
    )
    environ = {**settings, "WEB_CONCURRENCY": "1", "JOURNAL_FOLDER": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    log = tmp_path / "log"
    server = Gunicorn(environ, log, "broken:app")
    try:
        until(server.answers, 20)
        heard, headers, body = _heard(
            server, f"GET /fail?email={SENT} HTTP/1.1\r\n{HOST}X-Request-ID: the-one\r\n\r\n".encode()
        )
    finally:
        server.stop()

    assert (heard, headers["content-type"]) == (500, "application/problem+json")
    assert json.loads(body)["request_id"] == headers["x-request-id"] == "the-one"
    (line,) = [json.loads(line) for line in log.read_text().splitlines() if "the-one" in line]
    assert line["exception"].endswith("\nValueError")
    assert SENT not in log.read_text()
