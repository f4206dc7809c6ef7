"""Refused permissions, for the audit log."""

from collections.abc import Mapping

from flask import request

from ...errors import Forbidden
from ...guards import SUPERUSER
from ...infra.audit_outbox import SecurityEvent
from .context import actor, current_services
from .principal import Principal

ONCE_IN = 60.0  # seconds: a flood of refusals neither fills the disk nor hides the rest of the log


def forbidden(caller: Principal, permission: str) -> Forbidden:
    """Record that somebody lacked a permission, and return the error to raise."""
    record_denied(caller, permission)
    return Forbidden(f"This needs the permission {permission}.", permission=permission)


def forbidden_fields(caller: Principal, lacking: Mapping[str, str]) -> Forbidden:
    """Record that somebody lacked the permissions of fields, and return the error to raise, which names both."""
    needed = sorted(set(lacking.values()))
    record_denied(caller, *needed)
    told = "; ".join(f"{name} needs {_called(permission)}" for name, permission in lacking.items())
    return Forbidden(
        f"You may not change this: {told}.", permission=needed[0], missing=needed, errors=field_errors(lacking)
    )


def field_errors(lacking: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the messages about fields by the permissions that they lack."""
    return {name: [f"Needs {_called(permission)}."] for name, permission in lacking.items()}


def _called(permission: str) -> str:
    return "a superuser" if permission == SUPERUSER else f"the permission {permission}"


def record_denied(caller: Principal, *permissions: str) -> None:
    """Record that somebody lacked permissions, each once a minute for each view."""
    for permission in permissions:
        _record(caller, permission)


def _record(caller: Principal, permission: str) -> None:
    view = request.endpoint or "unknown"
    event = SecurityEvent(
        actor=actor(caller),
        action="PERMISSION_DENIED",
        resource=view[:100],
        details={"permission": permission, "method": request.method, "path": request.path},
        success=False,
        error=f"needs {permission}",
    )
    current_services().audit_outbox.write_limited((caller.id, permission, view), event, once_in=ONCE_IN)
