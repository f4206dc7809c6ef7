"""The lines of a start have the shape of all others, though what writes those is not imported yet."""

import io
import json
import logging

import pytest

from rental_backend.web.middleware import logs
from rental_backend.web.operations.early_logs import JsonFormatter


def _line(handler: logging.Handler) -> dict[str, str]:
    assert isinstance(handler, logging.StreamHandler)
    error = (OSError, OSError("in use"), None)
    record = logging.LogRecord("gunicorn.error", logging.WARNING, "", 0, "Listening at: %s", ("é",), error)
    handler.handle(record)
    (line,) = handler.stream.getvalue().splitlines()
    found: dict[str, str] = json.loads(line)
    return found


def test_an_early_line_is_one_of_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says the same before and after logging was set up, its time apart, which is of the same form."""
    early = logging.StreamHandler(io.StringIO())
    early.setFormatter(JsonFormatter())
    logs.configure("WARNING")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    (later,) = logging.getLogger().handlers

    lines = [_line(early), _line(later)]

    times = [line.pop("timestamp") for line in lines]
    assert lines[0] == lines[1]
    assert lines[0]["event"] == "Listening at: é"
    assert {(len(each), each[10], each[-1]) for each in times} == {(27, "T", "Z")}
