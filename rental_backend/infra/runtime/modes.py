"""The mode of the service: everything, reads only, or emergency; one mode for all workers of a host."""

import contextlib
import enum
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import ReadOnly, Unavailable
from ...resilience import SharedDocument, SharedState

FILE = "mode.json"
PAUSE = 30.0  # seconds to retry after, where the mode has no known end


class Mode(enum.StrEnum):
    """The modes; each serves less than the one before."""

    NORMAL = "normal"
    READ_ONLY = "read-only"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeOrder:
    """An operator's order: the reason, who gave it, begin (ISO 8601) and end (monotonic seconds, None for none).

    `kept`: it survives a restart.
    """

    mode: str
    reason: str
    actor: str
    since: str
    until: float | None
    kept: bool

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it expires; None if it does not by itself."""
        return None if self.until is None else max(0.0, self.until - time.monotonic())


def _always() -> bool:
    return True


class Modes:
    """The mode in force: the operator's order until it expires, else `default`.

    An order to be `kept` is stored in a file in `folder`, with its end by the wall clock, and is in force again after a
    restart. The last order counts: one that is not kept removes the file.
    """

    def __init__(self, shared_state: SharedState, folder: Path, default: str) -> None:
        self.default = Mode(default)
        self._path = folder / FILE
        self._document = SharedDocument(shared_state, "mode", lambda data: ModeOrder(**data))
        self.ever_changed: Callable[[], object] = self._document.version if self.default is Mode.NORMAL else _always
        """Falsy as long as nothing but `normal` was ever in force; asking takes one memory access."""
        self._recall()

    @property
    def order(self) -> ModeOrder | None:
        """The operator's order in force, if any."""
        order = self._document.value
        return order if order and (order.until is None or time.monotonic() < order.until) else None

    @property
    def current(self) -> Mode:
        """The mode in force."""
        order = self.order
        return Mode(order.mode) if order else self.default

    def set(
        self, mode: Mode, *, reason: str, actor: str, seconds: float | None = None, keep: bool = False
    ) -> ModeOrder:
        """Put all workers into a mode at once, for `seconds` or until the next order; return the order.

        With `keep` it survives a restart. If the file could not be written, `kept` is False in the returned order.
        """
        order = ModeOrder(
            mode=mode.value,
            reason=reason,
            actor=actor,
            since=datetime.now(UTC).isoformat(),
            until=None if seconds is None else time.monotonic() + seconds,
            kept=keep and self._keep(mode, reason, actor, seconds),
        )
        if not keep:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._document.write(asdict(order))
        return order

    # D47: modes are enforced in the adapters too.
    def admit(self, dependency: str, *, writing: bool) -> None:
        """Raise `ReadOnly` for a change in read-only mode, `Unavailable` for any use of a dependency in emergency."""
        mode = self.current
        if mode is Mode.NORMAL:
            return
        if mode is Mode.EMERGENCY:
            raise Unavailable(dependency, self.retry_after, "The service is in emergency mode. Nothing was changed.")
        if writing:
            raise ReadOnly(dependency, self.retry_after)

    @property
    def retry_after(self) -> float:
        """Seconds after which a retry is worthwhile."""
        order = self.order
        left = order.seconds_left if order else None
        return PAUSE if left is None else left

    def _keep(self, mode: Mode, reason: str, actor: str, seconds: float | None) -> bool:
        ends = None if seconds is None else time.time() + seconds
        data = {"mode": mode.value, "reason": reason, "actor": actor, "ends": ends}
        draft = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(data))
            draft.rename(self._path)
        except OSError:
            return False
        return True

    def _recall(self) -> None:
        """Restore a kept order, if there is one that can be read and has not expired."""
        try:
            data: dict[str, Any] = json.loads(self._path.read_text())
            mode, ends = Mode(data["mode"]), data["ends"]
            seconds = None if ends is None else float(ends) - time.time()
        except (OSError, ValueError, KeyError, TypeError):
            return
        if seconds is None or seconds > 0:
            self.set(mode, reason=str(data.get("reason")), actor=str(data.get("actor")), seconds=seconds, keep=True)
