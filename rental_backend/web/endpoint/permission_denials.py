"""Refused permissions, for the audit log."""

from flask import request

from ...errors import Forbidden
from ...infra.audit_outbox import SecurityEvent
from .context import actor, current_services
from .principal import Principal

ONCE_IN = 60.0  # seconds: a flood of refusals neither fills the disk nor hides the rest of the log


def forbidden(caller: Principal, permission: str) -> Forbidden:
    """Record that somebody lacked a permission, once a minute for each view, and return the error to raise."""
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
    return Forbidden(f"This needs the permission {permission}.", permission=permission)
