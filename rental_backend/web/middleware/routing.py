"""How paths are read: with and without trailing slash, under the prefixes of other builds, and ids that are ids."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule, UnicodeConverter

from ...errors import AppError
from ..endpoint import problems
from ..endpoint.context import application
from ..endpoint.paths import NotAnId, require_known_caller

Aliases = tuple[tuple[str, str], ...]

# A prefix on the left is read as the one on the right; the first that fits counts, once more from the start after it.
ALIASES = (
    ("/api/api/", "/api/"),
    ("/api/v1/", "/api/"),
)


class Route(Rule):
    """A path that is read and never written: making what would write it takes longer than the rest of `create_app`."""

    def _compile_builder(self, *_: object, **__: object) -> Callable[..., Any]:
        return _no_urls


def _no_urls(*_: object) -> None:
    raise RuntimeError("No URL is built here; links are written by the pages.")


class UuidConverter(BaseConverter):
    """A UUID in a path; anything else is refused by name instead of not found, once it is known who asks."""

    regex = "[^/]+"
    part_isolating = True

    def to_python(self, value: str) -> uuid.UUID | NotAnId:
        """Return the UUID, or what is none."""
        try:
            return uuid.UUID(value)
        except ValueError:
            return NotAnId(value)

    def to_url(self, value: object) -> str:
        """Return its text."""
        return str(value)


class TextConverter(UnicodeConverter):
    """A text in a path; one that no database can hold names nothing, and is not found."""

    def __init__(self, map: Map, minlength: int = 1, maxlength: int | None = None, length: int | None = None) -> None:
        super().__init__(map, minlength, maxlength, length)
        self.regex = self.regex.replace("[^/]", r"[^/\0]")  # no match at all, whatever other methods there are


def register(app: Flask) -> None:
    """Read paths this way in all blueprints registered afterwards."""
    app.url_rule_class = Route
    app.url_map.converters["default"] = app.url_map.converters["string"] = TextConverter
    app.url_map.converters["uuid"] = UuidConverter
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = app.url_map.redirect_defaults = False
    app.register_error_handler(NotFound, _nowhere)
    app.register_error_handler(MethodNotAllowed, _nowhere)


def _nowhere(error: HTTPException) -> Response:
    """Render that there is no such path or method, for who is known."""
    try:
        if request.routing_exception is error:
            require_known_caller(application(), request, error)
    except AppError as refused:
        return problems.expected(refused)
    return problems.raised(error)


def unaliased(path: str, aliases: Aliases) -> str:
    """Return the path that a path with other names in it means."""
    for alias, meant in aliases:
        while path.startswith(alias):
            path = meant + path[len(alias) :]
    return path
