"""What a view may ask of the application that serves it."""

from flask import current_app, request

from ..config import Config
from ..infra.dependencies import Dependencies


def dependencies() -> Dependencies:
    """Return the doors of this application."""
    found: Dependencies = current_app.extensions["dependencies"]
    return found


def settings() -> Config:
    """Return the settings of this application."""
    found: Config = current_app.config["SETTINGS"]
    return found


def client_address() -> str:
    """Return the caller's address: what Railway's edge vouches for there, the peer of the connection elsewhere."""
    edge = request.headers.get("X-Real-IP") if settings().railway_environment else None
    return (edge or request.remote_addr or "unknown")[:45]
