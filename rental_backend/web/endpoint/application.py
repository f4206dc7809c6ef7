"""Flask without what this service has no use for, all of which every request would pay for."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, g, request
from flask.globals import request_ctx
from flask.sansio.blueprints import Blueprint
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter, Rule

Finish = Callable[[Response, Request, Any], None]  # of a response, its request, and `g`


class Route(Rule):
    """A path that is read and never written: making what would write it takes longer than the rest of `create_app`."""

    def _compile_builder(self, *_: Any, **__: Any) -> Callable[..., Any]:
        return _no_urls


def _no_urls(*_: Any) -> None:
    raise RuntimeError("No URL is built here; links are written by the pages.")


class NoSessions(SessionInterface):
    """Callers are known by their tokens: there are no cookies, and no session is looked for."""

    _none = NullSession()

    def open_session(self, _: Flask, __: Request) -> NullSession:
        """Return the session that holds nothing."""
        return self._none


class Application(Flask):
    """Flask without coroutines, sessions, hosts, and what blueprints want called before or after a request."""

    session_interface = NoSessions()
    url_rule_class = Route

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finishes: list[Finish] = []

    def finish(self, function: Finish) -> Finish:
        """Have every response completed by this, the latest first: all of them share one look-up of what they want."""
        self._finishes.append(function)
        return function

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

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what ends every request, the last that was registered first."""
        for teardown in reversed(self.teardown_request_funcs.get(None, ())):
            teardown(exc)

    def process_response(self, response: Response) -> Response:
        """Call what comes after this request, what comes after every one, and what completes each, the latest first."""
        for after in request_ctx._get_current_object()._after_request_functions:  # type: ignore[attr-defined]
            response = after(response)
        for after in reversed(self.after_request_funcs.get(None, ())):
            response = after(response)
        asked, kept = request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]
        for finish in reversed(self._finishes):
            finish(response, asked, kept)
        return response
