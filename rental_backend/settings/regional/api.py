"""Settings, currency and time zone."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra import DATABASE
from ...web.endpoint.context import current_services
from ...web.endpoint.needs import PUBLIC, Needs
from ...web.endpoint.pipeline import endpoint
from ..business.api import bp
from ..needs import CHANGE, FOLLOWED, KNOWN, SEE, SET
from . import service as regional
from .schemas import Conversion, CurrencyChange, ZoneChange

__all__ = ["bp"]


@bp.get("/system-settings/currency")
@endpoint(needs=Needs(optional=(DATABASE,)), permission=PUBLIC)
def public_currency() -> dict[str, Any]:
    """Show the currency of the business to the public. It is answered from memory, because every page asks for it."""
    return regional.currency(current_services().settings_cache.cached())


@bp.get("/system/currency")
@endpoint(needs=FOLLOWED, permission=SEE)
def currency() -> dict[str, Any]:
    """Show the currency of the business."""
    return regional.currency(current_services().settings_cache.cached())


@bp.get("/system/currency/supported")
@bp.get("/system-settings/currency/supported")
@endpoint(needs=FOLLOWED, permission=SEE)
def currencies() -> list[dict[str, Any]]:
    """List the supported currencies."""
    return regional.currencies(current_services().settings_cache.cached())


@bp.put("/system/currency")
@bp.put("/system-settings/currency")
@endpoint(needs=CHANGE, permission=SET, accepts=CurrencyChange())
def change_currency(session: Session, actor: Actor, code: str) -> dict[str, Any]:
    """Change the currency of the business. Amounts are not converted."""
    return regional.choose_currency(session, actor, code)


@bp.get("/system/timezone/current")
@bp.get("/system/timezone/info")
@endpoint(needs=FOLLOWED, permission=SEE)
def zone() -> dict[str, Any]:
    """Show the time zone of the business. The answer holds the time in that zone, too."""
    return regional.zone(current_services().settings_cache.cached())


@bp.put("/system/timezone/settings")
@endpoint(needs=CHANGE, permission=SET, accepts=ZoneChange())
def change_zone(session: Session, actor: Actor, names: set[str]) -> dict[str, Any]:
    """Change the time zone of the business."""
    return regional.choose_zone(session, actor, names)


@bp.post("/system/timezone/reset")
@endpoint(needs=CHANGE, permission=SET)
def reset_zone(session: Session, actor: Actor) -> dict[str, Any]:
    """Reset the time zone of the business to its default."""
    return regional.reset_zone(session, actor)


@bp.get("/system/timezone/available")
@endpoint(needs=KNOWN, permission=SEE)
def zones() -> list[dict[str, str]]:
    """List the supported time zones."""
    return regional.offered()


@bp.get("/system/timezone/validate/<path:name>")
@endpoint(needs=KNOWN, permission=SEE)
def validate_zone(name: str) -> dict[str, Any]:
    """Check whether a time zone exists."""
    return regional.validated(name)


@bp.get("/system/timezone/conversion")
@endpoint(needs=FOLLOWED, permission=SEE, query=Conversion())
def convert(datetime_str: datetime, from_timezone: str, to_timezone: str | None = None) -> dict[str, Any]:
    """Convert a time to another time zone. Without a target it is converted to the time zone of the business."""
    target = to_timezone or regional.zone_name(current_services().settings_cache.cached())
    return regional.converted(datetime_str, from_timezone, target)


@bp.get("/system/timezone/health")
@endpoint(needs=FOLLOWED, permission=SEE)
def zone_health() -> dict[str, Any]:
    """Check whether this machine knows the time zone of the business."""
    return {"status": "healthy", **regional.validated(regional.zone_name(current_services().settings_cache.cached()))}
