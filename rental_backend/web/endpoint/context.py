"""What a view may ask of the application that serves it."""

from flask import Flask, current_app, g, request

from ...actor import Actor
from ...config import Config
from ...infra.container import Services
from ...infra.identity import break_glass
from .principal import Principal


def application() -> Flask:
    """Return this application itself: unwrap Flask's proxy; attribute access through it is 10x slower."""
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]


def current_services() -> Services:
    """Return the services of this application."""
    found: Services = application().extensions["services"]
    return found


def settings() -> Config:
    """Return the settings of this application."""
    found: Config = application().config["SETTINGS"]
    return found


def say_degraded(how: str) -> None:
    """Have the answer to this request marked: a view found out more than the breakers knew when it began."""
    g.degraded = [*g.get("degraded", ()), how]


def client_address() -> str:
    """Return the caller's address: what Railway's edge vouches for there, the peer of the connection elsewhere."""
    edge = request.headers.get("X-Real-IP") if settings().railway_environment else None
    return (edge or request.remote_addr or "unknown")[:45]


def actor(caller: Principal | None) -> Actor:
    """Return who makes this request, and where from, as the audit log wants it."""
    return Actor(
        id=caller.id if caller and caller.id != break_glass.ID else None,  # that account is in no table
        name=caller.username if caller else "nobody",
        address=client_address(),
        user_agent=request.user_agent.string[:500],
        request_id=g.request_id,
    )
