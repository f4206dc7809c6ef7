"""A service that really listens, in this process, and its commands."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import get_input_stream

from rental_backend.web.middleware import logs
from tests.serving import free_port


class Silent(WSGIRequestHandler):
    """Writes no line for each request: the commands under test write to the same place."""

    def log_request(self, *_: object) -> None:
        """Say nothing."""


def run(app: Flask, *arguments: str, colour: bool = False) -> Result:
    """Run a command of an application."""
    with app.app_context():  # the program `flask` brings it
        done = app.test_cli_runner().invoke(args=list(arguments), color=colour)
    logs.configure("WARNING")  # commands log elsewhere, and less
    return done


def told(done: Result) -> dict[str, Any]:
    """Return what a command has answered as JSON, without the lines that the application logs meanwhile."""
    lines = (json.loads(line) for line in done.output.splitlines() if line.startswith("{"))
    (answer,) = (line for line in lines if "event" not in line)
    return answer


@pytest.fixture
def served(build: Callable[..., Flask], tmp_path: Path) -> Iterator[Flask]:
    """An application of its own that listens on its port."""
    app = build(PORT=str(free_port()), JOURNAL_FOLDER=str(tmp_path))
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)

    def ending(environ: dict[str, Any], start_response: Any) -> Any:
        """Let a body end, as gunicorn does."""
        environ["wsgi.input"] = get_input_stream(environ)
        return app(environ, start_response)

    server = make_server("127.0.0.1", app.config["SETTINGS"].port, ending, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield app
    server.shutdown()
    thread.join()
    server.server_close()
