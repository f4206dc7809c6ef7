"""The allow-list of origins (CORS), and the operations by their callers."""

from typing import Any

from flask import Blueprint, current_app
from sqlalchemy.orm import Session

from ...actor import Actor
from ...web.endpoint.capabilities import access, matching
from ...web.endpoint.context import current_services, settings
from ...web.endpoint.needs import PUBLIC
from ...web.endpoint.pipeline import endpoint
from ...web.middleware.cors import AllowList
from ..needs import CHANGE, KNOWN, SEE, SET
from . import service as origins
from .schemas import EndpointQuery, NewOrigin, OriginQuery, PortRange

bp = Blueprint("origins", __name__, url_prefix="/api/system/whitelist/whitelist")


def _allowed() -> AllowList:
    found: AllowList = current_app.extensions["allow_list"]
    return found


def _fixed() -> frozenset[str]:
    return _allowed().configured | _allowed().filed


@bp.get("/status")
@endpoint(needs=KNOWN, permission=SEE)
def status() -> dict[str, Any]:
    """Count allowed origins and operations of each kind."""
    counts = {f"{kind}_endpoints_count": len(found) for kind, found in access(current_app).items()}
    return {**_allowed().told(), **counts, "total_cors_origins": len(_allowed().origins), "enabled": True}


@bp.get("/config")
@endpoint(needs=KNOWN, permission=SEE)
def config() -> dict[str, Any]:
    """Show the whole allow-list. Origins are grouped by their source."""
    return {**_allowed().told(), "endpoints": access(current_app), "enabled": True}


@bp.get("/cors-origins")
@endpoint(needs=KNOWN, permission=SEE)
def browse() -> dict[str, Any]:
    """List allowed origins."""
    return {**_allowed().told(), "cors_origins": sorted(_allowed().origins), "total": len(_allowed().origins)}


@bp.post("/cors-origins")
@endpoint(needs=CHANGE, permission=SET, accepts=NewOrigin())
def add(session: Session, actor: Actor, origin: str, **_: object) -> dict[str, Any]:
    """Allow an origin. All workers allow it within a second."""
    return {"origin": origins.add(session, actor, origin, _fixed()), "allowed": True, "message": "Added."}


@bp.delete("/cors-origins")
@endpoint(needs=CHANGE, permission=SET, query=OriginQuery())
def remove(session: Session, actor: Actor, origin: str) -> dict[str, Any]:
    """Remove an allowed origin."""
    return {"origin": origins.remove(session, actor, origin, _fixed()), "allowed": False, "message": "Removed."}


@bp.put("/localhost-range")
@endpoint(needs=CHANGE, permission=SET, accepts=PortRange())
def set_ports(session: Session, actor: Actor, start_port: int, end_port: int) -> dict[str, Any]:
    """Allow a range of localhost ports. In production it is refused."""
    origins.set_ports(session, actor, range(start_port, end_port + 1), production=settings().production)
    return {"start_port": start_port, "end_port": end_port, "message": "Changed."}


@bp.get("/endpoints")
@endpoint(needs=KNOWN, permission=SEE)
def endpoints() -> dict[str, Any]:
    """List all operations by who may call them."""
    return dict(access(current_app))


@bp.post("/reload")
@endpoint(needs=KNOWN, permission=SET)
def reload() -> dict[str, Any]:
    """Reload the allow-list in all workers. The answer is the list of the worker that answers."""
    current_services().settings_cache.change_signal.signal()
    return {**_allowed().told(), "message": "All workers read the list again."}


@bp.get("/test-origin")
@endpoint(needs=KNOWN, permission=SEE, query=OriginQuery())
def test_origin(origin: str) -> dict[str, Any]:
    """Check whether an origin is allowed."""
    allowed = _allowed().allows(origin)
    return {"origin": origin, "allowed": allowed, "is_allowed": allowed}


@bp.get("/test-endpoint")
@endpoint(needs=KNOWN, permission=SEE, query=EndpointQuery())
def test_endpoint(endpoint: str) -> dict[str, Any]:
    """Check who may call a path. The answer lists each method of the path."""
    found = matching(current_app, endpoint)
    public = any(each["permission"] == PUBLIC for each in found)
    return {"endpoint": endpoint, "exists": bool(found), "is_public": public, "operations": found}
