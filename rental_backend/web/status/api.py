"""The status of the service, for customers and their programs: now, in the last 24 hours and the last 90 days.

Nothing here waits for a dependency, and nothing here tells what is behind a component: no breaker, host or error.
"""

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Blueprint, current_app, request

from ...infra.runtime.modes import ModeOrder
from ...infra.status_history import ComponentStatus, StatusHistory
from ..endpoint.context import current_services
from ..endpoint.needs import NOTHING, PUBLIC
from ..endpoint.pipeline import endpoint
from ..endpoint.replies import Reply, entity_tag
from ..templates.render import HTML, SECURE
from . import page as status_page
from .components import ComponentWatch
from .schemas import SummaryAnswer
from .summary import Maintenance, View, summary

bp = Blueprint("status", __name__)
FRESH = "public, max-age=5"
OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": FRESH}  # it is public, and knows no caller


@bp.get("/status")
@endpoint(needs=NOTHING, permission=PUBLIC, media=(HTML,))
def page() -> Reply:
    """Show the status page. It tells customers how the service works, and what is done about disruptions."""
    made = _made("html", "", status_page.page)
    return made.reply({**SECURE, "Cache-Control": FRESH, "Content-Type": "text/html; charset=utf-8"})


@bp.get("/status.json")
@endpoint(needs=NOTHING, permission=PUBLIC, returns=SummaryAnswer())
def document() -> Reply:
    """Return the status of the service as JSON.

    The shape is the one that clients of status pages know. Pages of any origin may read it.
    """
    url = f"{request.url_root}status"
    made = _made("json", url, lambda view: orjson.dumps(summary(view, url), option=orjson.OPT_UTC_Z))
    return made.reply({**OPEN, "Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class Made:
    """Something made of a view, plain and compressed, and of what it was made."""

    of: tuple[Any, ...]
    body: bytes
    compressed: bytes

    def reply(self, headers: dict[str, str]) -> Reply:
        """Return it as the caller can read it."""
        body, packed = self.body, request.accept_encodings.quality("gzip")
        if packed:
            body, headers = self.compressed, {**headers, "Content-Encoding": "gzip"}
        return Reply(body, 200, {**headers, "Vary": "Accept-Encoding", "ETag": entity_tag(body)})


def now() -> int:
    """Return the time (milliseconds since 1970)."""
    return round(time.time() * 1000)


def view() -> View:
    """Return what there is to tell at this moment."""
    watch: ComponentWatch = current_app.extensions["watch"]
    services = current_services()
    state, order = services.status_history.state, services.modes.order
    ordered = order is not None and order.mode != services.modes.default
    return View(
        components=watch.served,
        levels=watch.levels() or {each.id: _last(state, each.id) for each in watch.served},
        state=state,
        now=now(),
        maintenance=_maintenance(order) if order and ordered else None,
    )


def _last(state: StatusHistory, component: str) -> ComponentStatus:
    """Return how a component was when it was looked at last, before a restart if need be."""
    return state.levels.get(component, (ComponentStatus.OPERATIONAL, 0))[0]


def _maintenance(order: ModeOrder) -> Maintenance:
    began, left = round(datetime.fromisoformat(order.since).timestamp() * 1000), order.seconds_left
    return Maintenance(since=began, until=None if left is None else now() + round(left * 1000))


def _made(kind: str, key: str, make: Callable[[View], bytes]) -> Made:
    """Return what is made of the view at this moment; made once while that is the same, a second at most."""
    kept: dict[str, Made] = current_app.extensions.setdefault("status", {})
    seen = view()
    of = (
        key,
        current_services().status_history.version,
        tuple(seen.levels.items()),
        seen.maintenance is None,
        seen.now // 1000,
    )
    found = kept.get(kind)
    if found is None or found.of != of:
        body = make(seen)
        kept[kind] = found = Made(of, body, gzip.compress(body, compresslevel=1, mtime=0))
    return found
