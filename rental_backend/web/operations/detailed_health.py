"""The health of one worker in detail, for operators. Nothing here waits for a dependency."""

import platform
import socket
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app

from ... import __version__
from ..endpoint.capabilities import features
from ..endpoint.context import current_services
from ..endpoint.needs import AUTH, Needs
from ..endpoint.pipeline import endpoint

bp = Blueprint("diagnosis", __name__)


@bp.get("/api/health/detailed")
@endpoint(needs=Needs(optional=(AUTH,)), permission="SYSTEM_VIEW")
def detailed() -> dict[str, Any]:
    """Show the health of a worker in detail.

    The answer holds the state of each dependency and of each part of the program, what the checks of `flask doctor`
    find that wait for nothing, and the platform. `checks` and `import_status` are lists, because the page that shows
    them iterates over them.
    """
    down = current_services().down()
    parts = features(current_app, current_services())
    return {
        "status": "degraded" if down else "healthy",
        "timestamp": datetime.now(UTC).isoformat(),
        "version": __version__,
        "service": "rental_backend",
        "checks": [_checked(name) for name in current_services().breakers],
        # D101: beside the dependencies.
        "findings": [asdict(finding) for finding in current_app.extensions["findings"]()],
        "import_status": [
            {"name": name, "status": "success", "message": f"Loaded, and {part['status']}."}
            for name, part in parts.items()
        ],
        "configuration": {
            "cors_origins": sorted(current_app.extensions["allow_list"].origins),
            "database_echo": False,
            "debug_mode": current_app.debug,
            "use_whitelist": True,
        },
        "system_info": {
            "architecture": platform.machine(),
            "hostname": socket.gethostname(),
            "platform": platform.platform(),
            "python_version": sys.version.split()[0],
        },
    }


def _checked(name: str) -> dict[str, Any]:
    """Say how a dependency does. Its columns are looked at by the commands that migrate, so none are told here."""
    breaker = current_services().breakers[name]
    status = "healthy" if breaker.closed else "unhealthy"
    said = f"The breaker is {breaker.current_state} ({breaker.cause})."
    return {"name": name, "status": status, "message": said, "all_columns": None}
