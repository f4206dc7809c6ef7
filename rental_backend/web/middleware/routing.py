"""How paths are read: with and without trailing slash, under the prefixes of other builds, and ids that are ids."""

import uuid
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, UnicodeConverter

from ...errors import Invalid
from ..endpoint import problems

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Aliases = tuple[tuple[str, str], ...]

# A prefix on the left is read as the one on the right; the first that fits counts, once more from the start after it.
ALIASES = (
    ("/api/api/", "/api/"),
    ("/api/v1/", "/api/"),
)


class BadIdentifier(HTTPException):
    """An id in the path is not a UUID (422, naming it)."""

    code = 422


class UuidConverter(BaseConverter):
    """A UUID in a path; anything else is refused by name instead of not found."""

    regex = "[^/]+"
    part_isolating = True

    def to_python(self, value: str) -> uuid.UUID:
        """Return the UUID, or refuse."""
        try:
            return uuid.UUID(value)
        except ValueError:
            raise BadIdentifier from None

    def to_url(self, value: Any) -> str:
        """Return its text."""
        return str(value)


class TextConverter(UnicodeConverter):
    """A text in a path; one that no database can hold names nothing, and is not found."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.regex = self.regex.replace("[^/]", r"[^/\0]")  # no match at all, whatever other methods there are


def register(app: Flask, aliases: Aliases = ()) -> None:
    """Read paths this way in all blueprints registered afterwards; `aliases` are other names of paths."""
    app.url_map.converters["default"] = app.url_map.converters["string"] = TextConverter
    app.url_map.converters["uuid"] = UuidConverter
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = app.url_map.redirect_defaults = False
    app.register_error_handler(BadIdentifier, lambda _: problems.expected(Invalid({"id": ["Not a valid UUID."]})))
    app.wsgi_app = _aliased(app.wsgi_app, (*ALIASES, *aliases))  # type: ignore[method-assign, assignment]


def _aliased(inner: "WSGIApplication", aliases: Aliases) -> "WSGIApplication":
    """Rewrite the aliases of a path before it is routed."""

    def aliased(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        path = environ["PATH_INFO"]
        for alias, meant in aliases:
            while path.startswith(alias):
                path = meant + path[len(alias) :]
        environ["PATH_INFO"] = path
        return inner(environ, start_response)

    return aliased
