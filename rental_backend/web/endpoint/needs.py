"""What an endpoint needs, and how it answers when that is missing."""

from dataclasses import dataclass
from typing import Literal

from ...infra import AUTH, DATABASE, REDIS
from ...infra.runtime.modes import Mode

__all__ = ["AUTH", "DATABASE", "NOTHING", "PUBLIC", "REDIS", "SIGNED_IN", "Conditions", "Degradation", "Needs"]

PUBLIC = "public"
SIGNED_IN = "signed in"
Degradation = Literal["full", "partial", "offline", "replica", "stale", "refuse"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an answer depends on: the dependencies that are down, the mode, whether a replica serves reads."""

    down: frozenset[str]
    mode: Mode = Mode.NORMAL
    replica: bool = False


@dataclass(frozen=True, slots=True, init=False)
class Needs:
    """The dependencies an endpoint requires or can use, and its degraded answers.

    `stale_for`: a read may be answered with its last good answer not older than that (seconds).
    `offline`: with AUTH away, a valid signature suffices; False where only a fresh look at the account will do.
    `replica`: with DATABASE away a read may be answered by the replica, which a view that asks for itself is not.
    `touches`: the resources that are shown or changed, if not just the one named like the blueprint. To its author a
    change makes all stale answers useless that show one of its resources; so name whatever else is changed.
    """

    required: frozenset[str]
    optional: frozenset[str]
    stale_for: float
    offline: bool
    replica: bool
    touches: tuple[str, ...]

    def __init__(
        self,
        *required: str,
        optional: tuple[str, ...] = (),
        stale_for: float = 0,
        offline: bool = True,
        replica: bool = True,
        touches: tuple[str, ...] = (),
    ) -> None:
        object.__setattr__(self, "required", frozenset(required))
        object.__setattr__(self, "optional", frozenset(optional))
        object.__setattr__(self, "stale_for", stale_for)
        object.__setattr__(self, "offline", offline)
        object.__setattr__(self, "replica", replica)
        object.__setattr__(self, "touches", touches)

    def fresh(self, *, replica: bool = True) -> "Needs":
        """Return the same needs without an answer from memory, or from the replica either."""
        return Needs(
            *self.required,
            optional=tuple(self.optional),
            offline=self.offline,
            replica=replica,
            touches=self.touches,
        )

    def degradation(self, down: frozenset[str], *, replica: bool = False) -> Degradation:
        """Return how a call is answered while these dependencies are `down`; `replica`: it is a read that one answers.

        `Contract.degradation` asks, which knows the mode too.
        """
        if AUTH in self.required & down and not self.offline:
            return "stale" if self.stale_for and DATABASE not in self.required else "refuse"
        if DATABASE in self.required & down:
            return "replica" if replica and self.replica else "stale" if self.stale_for else "refuse"
        if AUTH in self.required & down:
            if DATABASE in self.required:
                return "offline"
            return "stale" if self.stale_for else "refuse"  # the accounts themselves are what it reads or changes
        if AUTH in self.optional & down:
            return "offline"
        return "partial" if self.optional & down else "full"


NOTHING = Needs()
