"""The circuit breakers at a glance: JSON for programs, a page for browsers, and a stream of that page as it changes.

Nothing here waits for a dependency. An operator who sends their token sees more.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Flask, request

from ...errors import AppError
from ..endpoint.context import application, current_services, settings
from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import authenticate
from ..endpoint.replies import JSON, Reply
from ..templates.render import HTML, SECURE, of_the_moment
from .breakers_page import shown
from .breakers_report import report
from .modes import PERMISSION
from .sse import EVENT_STREAM, BreakerStream, Places

bp = Blueprint("breakers", __name__)
OFFERED = (JSON, HTML, EVENT_STREAM)
PATH = "/health/breakers"
PLACES = "watchers"


@bp.get(PATH)
@bp.get("/api/health/breakers")
@endpoint(needs=NOTHING, permission=PUBLIC, media=OFFERED)
def breakers() -> dict[str, Any] | Reply:
    """Show the circuit breakers and their last events.

    The answer tells how each operation is answered now, too. `Accept: text/html` asks for a page. `Accept:
    text/event-stream` asks for a stream that sends the page whenever it changes, for a minute; it is 204 if all places
    for streams are taken.
    """
    app = application()
    to_operator = _by_operator()
    match request.accept_mimetypes.best_match(OFFERED, JSON):
        case "text/event-stream":
            reply = _watched(app, to_operator=to_operator)
        case "text/html":
            reply = of_the_moment(_page(app, to_operator=to_operator))
        case _:
            told = report(app, current_services(), to_operator=to_operator)
            reply = Reply(orjson.dumps(told), 200, {"Cache-Control": "no-store"})
    return replace(reply, headers={**reply.headers, "Vary": "Accept, Authorization"})


def _by_operator() -> bool:
    """Tell whether an operator asks. A bad token counts as no token: this operation answers everybody."""
    if "Authorization" not in request.headers:
        return False
    try:
        return authenticate(request, current_services().identity).may(PERMISSION)
    except AppError:
        return False


def _page(app: Flask, *, to_operator: bool) -> bytes:
    with app.app_context():
        return shown(report(app, current_services(), to_operator=to_operator), path=PATH)


def _watched(app: Flask, *, to_operator: bool) -> Reply:
    services = current_services()
    places: Places = app.extensions.setdefault(PLACES, Places(settings().threads))
    if request.method == "HEAD" or not places.take():
        return Reply(b"", 204)
    watch = BreakerStream(
        places,
        make=partial(_page, app, to_operator=to_operator),
        state=lambda: (services.memory.transition_count, services.modes.order),
        ending=lambda: services.lifecycle.ending,
    )
    headers = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Reply(watch, 200, {**SECURE, **headers})
