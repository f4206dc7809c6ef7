"""The currency and the time zone of the business: two settings, and what is told of them."""

import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import Invalid
from ..business import service as settings
from ..business.defaults import BY_KEY
from ..business.setting_types import zones

CURRENCY, ZONE = "currency", "task_scheduler_timezone"
NAMES = {
    "INR": ("₹", "Indian Rupee"),
    "USD": ("$", "US Dollar"),
    "EUR": ("€", "Euro"),
    "GBP": ("£", "Pound Sterling"),
    "JPY": ("¥", "Japanese Yen"),
    "CAD": ("C$", "Canadian Dollar"),
    "AUD": ("A$", "Australian Dollar"),
    "CNY": ("CN¥", "Chinese Yuan"),
    "CHF": ("CHF", "Swiss Franc"),
    "SGD": ("S$", "Singapore Dollar"),
}
# What a page offers; any other zone of the world may be named too.
OFFERED = (
    *("Asia/Kolkata", "UTC", "US/Eastern", "US/Central", "US/Mountain", "US/Pacific", "Europe/London"),
    *("Europe/Paris", "Asia/Tokyo", "Asia/Shanghai", "Australia/Sydney", "Asia/Dubai", "Asia/Singapore"),
)


def described(code: str, *, in_force: str) -> dict[str, Any]:
    """Return a currency under both spellings of its members that pages read."""
    symbol, name = NAMES[code]
    members = {"symbol": symbol, "is_default": code == in_force, "is_active": True}
    return {"code": code, "currency_code": code, "name": name, "description": name, **members}


def currency(texts: Mapping[str, str]) -> dict[str, Any]:
    """Show the currency of the business."""
    code = settings.value(texts, CURRENCY)
    return described(code, in_force=code)


def currencies(texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return all that can be chosen."""
    code = settings.value(texts, CURRENCY)
    return [described(each, in_force=code) for each in NAMES]


def choose_currency(session: Session, actor: Actor, code: str) -> dict[str, Any]:
    """Change the currency; amounts are not converted. Raises `Invalid` naming the `currency_code`."""
    if code not in NAMES:
        raise Invalid({"currency_code": [f"Must be one of: {', '.join(NAMES)}."]})
    settings.change(session, settings.find(session, CURRENCY), actor, code)
    return described(code, in_force=code)


# D59: there is one time zone.
def zone_name(texts: Mapping[str, str]) -> str:
    """Return the name of the time zone of the business."""
    return str(settings.value(texts, ZONE))


def zone_in_force(session: Session) -> str:
    """Return the name of the time zone of the business, as it is now."""
    return zone_name(settings.in_force(session))


def zone(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the time zone under both of its names, the zones offered, and the time now."""
    return _told(zone_name(texts))


def choose_zone(session: Session, actor: Actor, names: set[str]) -> dict[str, Any]:
    """Change the time zone. Raises `Invalid` for two at once, none, or one that does not exist."""
    if len(names) != 1 or not names <= zones():
        raise Invalid({"system_timezone": ["Must be the name of one time zone, the same under both names."]})
    (name,) = names
    settings.change(session, settings.find(session, ZONE), actor, name)
    return _told(name)


def reset_zone(session: Session, actor: Actor) -> dict[str, Any]:
    """Reset the time zone of the business to its default."""
    return choose_zone(session, actor, {BY_KEY[ZONE].value})


def offered() -> list[dict[str, str]]:
    """Return the time zones offered, each with its distance from UTC now."""
    now = datetime.now(UTC)
    return [{"name": name, "label": f"{name} (UTC{_distance(now, name)})"} for name in OFFERED]


def validated(name: str) -> dict[str, Any]:
    """Say whether there is such a time zone."""
    return {"timezone": name, "is_valid": name in zones(), "valid": name in zones(), "is_offered": name in OFFERED}


def converted(moment: datetime, origin: str, target: str) -> dict[str, Any]:
    """Return a moment in another time zone; one that names no zone is of `origin`. Raises `Invalid`."""
    for field, name in (("from_timezone", origin), ("to_timezone", target)):
        if name not in zones():
            raise Invalid({field: ["There is no such time zone."]})
    told = moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(origin))
    try:
        there, utc = told.astimezone(zoneinfo.ZoneInfo(target)), told.astimezone(UTC)
    except OverflowError:
        raise Invalid({"datetime_str": ["Out of the range of dates."]}) from None
    zones_told = {"from_timezone": origin, "to_timezone": target}
    return {"original": told.isoformat(), "converted": there.isoformat(), "utc": utc.isoformat(), **zones_told}


def _told(name: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "system_timezone": name,
        "task_scheduler_timezone": name,
        "available_timezones": list(OFFERED),
        "current_utc_time": now.isoformat(),
        "current_system_time": now.astimezone(zoneinfo.ZoneInfo(name)).isoformat(),
        "utc_offset": _distance(now, name),
    }


def _distance(now: datetime, name: str) -> str:
    text = now.astimezone(zoneinfo.ZoneInfo(name)).strftime("%z")
    return f"{text[:3]}:{text[3:]}"
