"""What surrounds every request: its id and clock, what every response is given, a count, and a line in the log."""

import logging
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from flask import Flask, Request, Response, g, request
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.sansio.blueprints import Blueprint
from flask.sessions import NullSession, SessionInterface
from werkzeug.datastructures import Headers
from werkzeug.routing import MapAdapter, Rule

from ...config import Config
from ...infra.container import Services
from ...infra.runtime.modes import Mode
from .cors import CrossOrigin
from .logs import STANDARD_OUTPUT
from .request_ids import request_id
from .routing import Aliases, unaliased

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

QUIET = "health.alive"  # the endpoint that is asked all the time, and not logged
ID, ID_LETTERS = "<uuid:id>", 36  # how a rule ends that takes an id, and how long one usually is


class NoSessions(SessionInterface):
    """Callers are known by their tokens: there are no cookies, and no session is looked for."""

    _none = NullSession()

    def open_session(self, _: Flask, __: Request) -> NullSession:
        """Return the session that holds nothing."""
        return self._none


# D138: what a path led to is not looked for again.
class Context(RequestContext):
    """Flask's context of a request, which knows the routes of earlier ones by heart: plain paths, and `.../<id>`."""

    app: "Application"

    def match_request(self) -> None:
        """Set the route of the request, and the parameters of its path."""
        asked, known = self.request, self.app.known_routes
        plain, numbered = (asked.method, asked.path), (asked.method, asked.path[:-ID_LETTERS], ID)
        try:
            if rule := known.get(plain):
                asked.url_rule, asked.view_args = rule, {}
                return
            if rule := known.get(numbered):
                asked.url_rule, asked.view_args = rule, {"id": uuid.UUID(asked.path[-ID_LETTERS:])}
                return
        except ValueError:  # no id: whatever it is, it is seldom
            pass
        super().match_request()
        rule = asked.url_rule
        if rule is not None and not rule.arguments and asked.path in (rule.rule, rule.rule.rstrip("/")):
            known[plain] = rule
        elif rule is not None and rule.rule == f"{asked.path[:-ID_LETTERS]}{ID}":
            known[numbered] = rule


# D99: what Flask does for hosts, cookies, coroutines and hooks of blueprints is left out.
class Application(Flask):
    """Flask without sessions, hosts, coroutines and hooks of blueprints, which take a twelfth of the time of a read."""

    session_interface = NoSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_routes: dict[tuple[str, ...], Rule] = {}

    def request_context(self, environ: "WSGIEnvironment") -> RequestContext:
        """Return the context of a request."""
        return Context(self, environ)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the view of a request: by its path only, whatever host it was sent to."""
        if request is None:
            return None
        return MapAdapter(self.url_map, "", "/", "", request.scheme, request.path, request.method)

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Register a blueprint; refuse one that wants functions called that would not be."""
        around = (blueprint.before_request_funcs, blueprint.after_request_funcs, blueprint.teardown_request_funcs)
        if any(around) or blueprint.url_value_preprocessors:
            raise RuntimeError(f"{blueprint.name} has functions of its own before or after a request.")
        super().register_blueprint(blueprint, **options)

    def preprocess_request(self) -> Any:
        """Call what comes before every request, until one answers it."""
        for before in self.before_request_funcs.get(None, ()):
            answer = before()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Call what comes after this request, then what comes after every one, the latest first."""
        for after in request_ctx._get_current_object()._after_request_functions:  # type: ignore[attr-defined]
            response = after(response)
        for after in reversed(self.after_request_funcs.get(None, ())):
            response = after(response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what ends every request, the last that was registered first."""
        for teardown in reversed(self.teardown_request_funcs.get(None, ())):
            teardown(exc)


class Meter(Protocol):
    """What counts requests."""

    def enter(self, change: int) -> None:
        """Count a request in (1) or out (-1)."""

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answer."""


def register(app: Flask, config: Config, cross_origin: CrossOrigin) -> None:
    """Number, complete, count and log every request, and bound its body. Register it first, so that it ends last."""
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes
    services: Services = app.extensions["services"]

    @app.before_request
    def begin() -> Response | None:
        asked, kept = request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]
        if services.started_in != os.getpid():
            services.start()
        kept.began = time.perf_counter()
        kept.request_id = request_id(asked.environ.get("HTTP_X_REQUEST_ID"))
        preflight = asked.method == "OPTIONS" and "Access-Control-Request-Method" in asked.headers
        return Response(status=204) if preflight else None

    @app.after_request
    def complete(response: Response) -> Response:
        asked, kept = request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]
        headers = response.headers
        headers.add("X-Request-ID", kept.request_id)
        for name, value in kept.get("headers", ()):
            headers.add(name, value)
        if services.modes.ever_changed():
            _tell_mode(headers, services.modes.current)
        if services.log_level.ever_changed():
            services.log_level.apply()
        if headers.getlist("Vary"):  # `in` makes an exception of what is not there
            response.vary.add("Origin")
        else:
            headers.add("Vary", "Origin")  # the same, for a tenth of the time
        if "HTTP_ORIGIN" in asked.environ:
            cross_origin.allow(headers, asked.environ)
        rule, seconds = asked.url_rule.rule if asked.url_rule else None, time.perf_counter() - kept.began
        app.extensions["meter"].count(asked.method, rule, response.status_code, seconds)
        if asked.endpoint != QUIET:
            _log(asked, kept, response.status_code, rule, seconds)
        return response


def surround(app: Flask, meter: Meter, aliases: Aliases) -> None:
    """Put what works on WSGI around an application whose routes are all known.

    Count requests in and out, and read other names of paths.
    """
    inner: WSGIApplication = app.wsgi_app
    prefixes = tuple(alias for alias, _ in aliases)

    def surrounded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        meter.enter(1)
        try:
            if environ["PATH_INFO"].startswith(prefixes):
                environ["PATH_INFO"] = unaliased(environ["PATH_INFO"], aliases)
            return inner(environ, start_response)
        finally:
            meter.enter(-1)

    app.wsgi_app = surrounded  # type: ignore[method-assign]


def _tell_mode(headers: Headers, mode: Mode) -> None:
    if mode is not Mode.NORMAL:
        headers["X-Mode"] = mode.value


# D12: the line of a request bypasses structlog.
def _log(asked: Request, kept: Any, status: int, rule: str | None, seconds: float) -> None:
    """Write the line of one request: one system call, without the machinery that other lines can afford."""
    if not logging.getLogger().isEnabledFor(logging.INFO):
        return
    line = {
        "event": "request",
        "level": "info",
        "timestamp": datetime.now(UTC),
        "request_id": kept.request_id,
        "trace_id": kept.get("trace_id"),
        "method": asked.method,
        "path": asked.path,
        "route": rule,
        "status": status,
        "ms": round(seconds * 1000, 2),
        "user": kept.get("username"),
        "degraded": kept.get("degraded"),
        "code": kept.get("code"),
        "cause": kept.get("cause"),
        "edge_id": asked.environ.get("HTTP_X_RAILWAY_REQUEST_ID"),
    }
    os.write(STANDARD_OUTPUT, orjson.dumps({key: value for key, value in line.items() if value is not None}) + b"\n")
