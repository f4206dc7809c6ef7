"""What the platform tells, as values that can be trusted: what is not understood is said to be so, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from deploy.railway.exits import NoVerdict


class Status(StrEnum):
    """The state of a deployment. One that we do not know is never a success, and never acted upon."""

    BUILDING = "BUILDING"
    CRASHED = "CRASHED"
    DEPLOYING = "DEPLOYING"
    FAILED = "FAILED"
    INITIALIZING = "INITIALIZING"
    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    QUEUED = "QUEUED"
    REMOVED = "REMOVED"
    REMOVING = "REMOVING"
    SKIPPED = "SKIPPED"
    SLEEPING = "SLEEPING"
    SUCCESS = "SUCCESS"
    WAITING = "WAITING"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, _: object) -> "Status":
        return cls.UNKNOWN

    @property
    def in_flight(self) -> bool:
        """Whether it may still become the live one."""
        return self in (
            *(Status.INITIALIZING, Status.QUEUED, Status.WAITING, Status.NEEDS_APPROVAL),
            *(Status.BUILDING, Status.DEPLOYING),
        )

    @property
    def ended(self) -> bool:
        """Whether it does not serve, and will not by itself."""
        return self in (Status.FAILED, Status.CRASHED, Status.SKIPPED, Status.REMOVED, Status.REMOVING)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One deployment of a service. `running` counts its instances that run, if they were asked for."""

    id: str
    status: Status
    created_at: datetime
    service: str
    environment: str
    project: str
    can_rollback: bool
    stopped: bool
    commit: str | None
    image: str | None
    running: int | None = None

    @classmethod
    def read(cls, node: Any) -> "Deployment":
        """Read what the API tells. Raises `NoVerdict` when that is not a deployment."""
        try:
            meta = node["meta"] if isinstance(node["meta"], dict) else {}
            instances = node.get("instances")
            return cls(
                id=_text(node["id"]),
                status=Status(node["status"]),
                created_at=datetime.fromisoformat(node["createdAt"]),
                service=_text(node["serviceId"]),
                environment=_text(node["environmentId"]),
                project=_text(node["projectId"]),
                can_rollback=node["canRollback"] is True,
                stopped=node["deploymentStopped"] is not False,
                commit=meta.get("commitHash") or None,
                image=meta.get("imageDigest") or meta.get("image") or None,
                running=None if instances is None else [each["status"] for each in instances].count("RUNNING"),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NoVerdict("the platform told of a deployment in a form that is not understood") from None

    @property
    def serves(self) -> bool:
        """Whether it is live: successful, not stopped, with an instance that runs."""
        return self.status is Status.SUCCESS and not self.stopped and (self.running is None or self.running > 0)

    def __str__(self) -> str:
        return f"{self.id} ({self.status}, commit {(self.commit or 'unknown')[:12]})"


@dataclass(frozen=True)
class Event:
    """One step of a deployment, and why it failed if it did."""

    step: str
    finished: bool
    error: str | None


@dataclass(frozen=True)
class LogLine:
    """One line of a log."""

    at: str
    severity: str
    message: str


@dataclass(frozen=True)
class Domain:
    """A public name of a service. `certificate` and `verified` are told of custom domains only."""

    name: str
    port: int | None
    custom: bool = False
    verified: bool = True
    certificate: str = ""
    fault: str = ""
    records: tuple[Mapping[str, Any], ...] = ()


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value
