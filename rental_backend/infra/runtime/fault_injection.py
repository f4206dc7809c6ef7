"""Fault injection, to practise outages: per breaker, in all workers of a host at once, and never in production.

In production there is no way in: `FaultInjection` gives the adapters nothing to call, and refuses every order.
"""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from ...errors import NotFound
from ...resilience import SharedDocument, SharedState, limit

KINDS = ("error", "refusal", "latency")
Failure = Callable[[str], Exception]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A share (0 to 1) of a dependency's calls is refused, fails, or is delayed by `latency` seconds, until it ends."""

    kind: str
    share: float
    latency: float
    reason: str
    actor: str
    until: float

    @property
    def seconds_left(self) -> float:
        """Seconds until it ends."""
        return max(0.0, self.until - time.monotonic())


class FaultInjection:
    """The ordered faults, by the name of the breaker. `allowed` is False in production."""

    def __init__(self, shared_state: SharedState, environment: str) -> None:
        self.allowed = environment != "production"
        self._shared_state = shared_state
        self._documents: dict[str, SharedDocument[Fault]] = {}

    def adapter(self, name: str, *, deadline: float, error: Failure, refusal: Failure) -> Callable[[], float] | None:
        """Return what an adapter runs before a call: it raises, or waits and returns the seconds. None in production.

        A wait longer than the adapter's deadline fails at the deadline, as with a slow server.
        """
        if not self.allowed:
            return None
        document = self._documents[name] = SharedDocument(
            self._shared_state, f"drill {name}", lambda data: Fault(**data)
        )

        def inject() -> float:
            fault = document.value
            if fault is None or time.monotonic() >= fault.until or random.random() >= fault.share:  # noqa: S311
                return 0.0
            if fault.kind != "latency":
                raise (error if fault.kind == "error" else refusal)(f"a drill of {fault.actor}")
            waited = min(fault.latency, limit(deadline))
            time.sleep(waited)
            if waited < fault.latency:
                raise refusal(f"a drill of {fault.actor}: no answer in time")
            return waited

        return inject

    def order(
        self, name: str, *, kind: str, share: float, latency: float, reason: str, actor: str, seconds: float
    ) -> Fault:
        """Make a dependency fail for `seconds`. Raises `NotFound` in production, or if there is no such breaker."""
        until = time.monotonic() + seconds
        fault = Fault(kind=kind, share=share, latency=latency, reason=reason, actor=actor, until=until)
        self._document(name).write(asdict(fault))
        return fault

    def end(self, name: str) -> None:
        """End the fault of a dependency. Raises `NotFound` as `order` does."""
        self._document(name).write(None)

    @property
    def active(self) -> dict[str, Fault]:
        """The faults in force, by breaker."""
        faults = {name: document.value for name, document in self._documents.items()}
        return {name: fault for name, fault in faults.items() if fault and fault.seconds_left}

    def _document(self, name: str) -> SharedDocument[Fault]:
        if name not in self._documents:  # in production there are none
            raise NotFound("There is no such breaker to inject faults into.")
        return self._documents[name]
