"""The origins whose pages may call, as far as they are edited: kept as a setting, beside the environment's."""

import re
from collections.abc import Collection

import orjson
from sqlalchemy.orm import Session

from ...actor import Actor
from ...errors import Conflict, Invalid, NotFound
from ..business import service
from ..business.defaults import BY_KEY
from ..business.setting_types import read

ORIGINS, PORTS = "cors_origins", "cors_localhost"
MOST = 100
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"{LABEL}(\.{LABEL})*|\[[0-9a-f:.]+\]"
ORIGIN = re.compile(rf"(?P<scheme>https?)://(?P<host>{HOST})(:(?P<port>[1-9][0-9]{{0,4}}))?")
USUAL = {"http": "80", "https": "443"}


def origin_of(text: str) -> str:
    """Return an origin as browsers send it: in small letters, without its usual port. Raises `Invalid`.

    It is a scheme, a host and perhaps a port; no path, no wildcard.
    """
    found = ORIGIN.fullmatch(text.strip().lower())
    if found is None or len(text) > 255 or int(found["port"] or 1) > 65535:
        raise Invalid({"origin": ["Must be http or https, a host and perhaps a port, such as https://shop.example."]})
    scheme, host, port = found.group("scheme", "host", "port")
    return f"{scheme}://{host}" if port in (None, USUAL[scheme]) else f"{scheme}://{host}:{port}"


def add(session: Session, actor: Actor, text: str, configured: Collection[str]) -> str:
    """Allow an origin and return it. Raises `Invalid`, or `Conflict` if it is allowed already."""
    origin = origin_of(text)
    setting = service.find(session, ORIGINS)
    there = _listed(setting.setting_value)
    if origin in there or origin in configured:
        raise Conflict(f"The origin {origin} is allowed already.", code="origin_allowed")
    if len(there) >= MOST:
        raise Conflict(f"There are {MOST} origins already.", code="too_many_origins")
    service.store(session, setting, actor, orjson.dumps([*there, origin]).decode())
    return origin


def remove(session: Session, actor: Actor, text: str, configured: Collection[str]) -> str:
    """Allow an origin no longer. Raises `NotFound`, or `Conflict` for one that the environment allows."""
    origin = origin_of(text)
    if origin in configured:
        raise Conflict(f"The origin {origin} is configured for this deployment.", code="origin_configured")
    setting = service.find(session, ORIGINS)
    there = _listed(setting.setting_value)
    if origin not in there:
        raise NotFound(f"The origin {origin} is not in the list.")
    service.store(session, setting, actor, orjson.dumps([each for each in there if each != origin]).decode())
    return origin


def set_ports(session: Session, actor: Actor, ports: range, *, production: bool) -> None:
    """Allow other ports of localhost. Raises `Invalid`, or `Conflict` in production."""
    if not ports:
        raise Invalid({"end_port": ["Must not be below start_port."]})
    if production:
        raise Conflict("No page of localhost may call production.", code="localhost_in_production")
    service.store(session, service.find(session, PORTS), actor, f"{ports[0]}-{ports[-1]}")


def _listed(text: str | None) -> list[str]:
    try:
        found = read(BY_KEY[ORIGINS].kind, text or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
