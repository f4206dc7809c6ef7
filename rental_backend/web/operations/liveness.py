"""What every answer about health begins with, given by the application or before it is there."""

from datetime import UTC, datetime

from ... import __version__

SERVICE = "rental_backend"


def liveness(*, status: str, mode: str) -> dict[str, str]:
    """Return the state of this process at this moment, for a body in JSON."""
    return {
        "status": status,
        "mode": mode,
        "timestamp": datetime.now(UTC).isoformat(),
        "version": __version__,
        "service": SERVICE,
    }
