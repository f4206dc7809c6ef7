"""Flask without what this service has no use for, all of which every request would pay for."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter


class NoSessions(SessionInterface):
    """Callers are known by their tokens: there are no cookies, and no session is looked for."""

    _none = NullSession()

    def open_session(self, _: Flask, __: Request) -> NullSession:
        """Return the session that holds nothing."""
        return self._none


class Application(Flask):
    """Flask without coroutines, sessions and hosts: no function is inspected for being one, and no name is compared."""

    session_interface = NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the view of a request: by its path only, whatever host it was sent to."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", request.scheme, request.path, request.method)
