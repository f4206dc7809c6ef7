"""What every command works with."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.railway.clock import Clock
from deploy.railway.exits import UsageError
from deploy.railway.platform import Railway, Service
from deploy.railway.probe import Probe, origin_of
from deploy.railway.report import Report


@dataclass(frozen=True, kw_only=True)
class Context:
    """The clock, the report, the environment variables, when all must have ended, and whether nothing may change."""

    clock: Clock
    report: Report
    environ: Mapping[str, str]
    deadline: float
    dry_run: bool = False

    @property
    def late(self) -> bool:
        """Whether the time for the whole command is over."""
        return self.clock.now() >= self.deadline


@dataclass(frozen=True, kw_only=True)
class Online(Context):
    """The same with the platform."""

    railway: Railway

    def probe(self, service: Service, base: str | None = None) -> Probe:
        """A way to ask the application: at `base`, else at the service's own domain rather than a custom one.

        The platform's domain cannot be confused by a DNS entry or a cache in front of it. Raises `UsageError`.
        """
        return Probe(base or self._address(service))

    def _address(self, service: Service) -> str:
        plain = [domain for domain in self.railway.domains(service) if not domain.custom]
        if not plain:
            raise UsageError(f"service {service.name} has no domain of the platform; --base says where it answers")
        return origin_of(plain[0].name)
