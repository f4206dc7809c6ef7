"""Logs: one JSON object a line, ours and the libraries' alike, with the request's id.

A server writes them to standard output. In a `flask` command that is for its answer, which a program may read; its
logs go to standard error.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import click
import orjson
import structlog
from flask import g, has_request_context

from ...tracebacks import Wordless, describe, named

STANDARD_OUTPUT = 1


def _add_request_id(_: object, __: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Say in which request it was."""
    if has_request_context() and "request_id" in g:
        line["request_id"] = g.request_id
        if "trace_id" in g:
            line["trace_id"] = g.trace_id
    return line


SHARED: list[Any] = [
    _add_request_id,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(lambda caught: describe(caught[1])),
]


class _Standard(logging.StreamHandler[Any]):
    """Writes to what standard output (or error) is now, not to what it was when logging was set up."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        logging.Handler.__init__(self)
        self._name = name

    @property
    def stream(self) -> Any:
        return getattr(sys, self._name)


def configure(level: str) -> None:
    """Send everything of at least `level` as JSON to standard output; to standard error if a command calls this."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _Standard("stderr" if click.get_current_context(silent=True) else "stdout")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    handler.addFilter(Wordless())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _filled(line: MutableMapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if value is not None}


def _render(_: object, __: str, line: MutableMapping[str, object]) -> str:
    return orjson.dumps(_filled(line), default=_plain).decode()


def _plain(value: object) -> str:
    return named(value) if isinstance(value, BaseException) else str(value)
