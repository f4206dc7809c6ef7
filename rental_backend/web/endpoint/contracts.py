"""The declaration of a view: who may call it, what it needs, takes and gives, and how it answers in an outage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from ...errors import AppError
from ...infra.runtime.modes import Mode
from .field_permissions import GuardedForm
from .needs import Conditions, Degradation, Needs
from .replies import JSON, READS

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a view declares.

    `per_caller`: its answers differ between callers of the same permissions. `changes`: whether a call changes
    anything (by default all but GET do). `modes`: those in which a change is taken. `warm`: queries whose answers are
    to be at hand when an outage begins, for everybody who may see them. `secret`: its answer is for the caller's eyes
    only, and kept neither here nor on the way. `hashes`: it hashes a password, and is refused before its body is read
    if many do. `media`: the types of what it answers, where that is not JSON. `raises`: errors that do not follow from
    the rest.
    """

    needs: Needs
    permission: str
    accepts: Schema | None = None
    query: Schema | None = None
    returns: Schema | None = None
    status: int = 200
    per_caller: bool = False
    changes: bool | None = None
    modes: tuple[Mode, ...] = (Mode.NORMAL,)
    warm: tuple[Mapping[str, str], ...] = ()
    secret: bool = False
    hashes: bool = False
    media: tuple[str, ...] = (JSON,)
    raises: tuple[type[AppError], ...] = ()

    def changes_by(self, method: str) -> bool:
        """Tell whether a call by that method changes anything."""
        return method not in READS if self.changes is None else self.changes

    def refused_in(self, mode: Mode, method: str) -> bool:
        """Tell whether a call by that method is refused in a mode, whatever is there."""
        return mode not in self.modes and self.changes_by(method)

    def degradation(self, method: str, conditions: Conditions) -> Degradation:
        """Return how a call is answered under these conditions: full, partial, offline, replica, stale or refuse.

        Health, the documentation, the status page and the request itself all ask here.
        """
        if self.refused_in(conditions.mode, method):
            return "refuse"
        reads = conditions.replica and not self.changes_by(method) and conditions.mode is not Mode.EMERGENCY
        return self.needs.degradation(conditions.down, replica=reads)


View = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """A view under its contract, the names of the parameters the view takes, and the methods by which it changes.

    `guarded` are the fields of its body that take a permission of their own, if there are any.
    """

    contract: Contract
    view: View
    names: frozenset[str]
    changing: frozenset[str]
    guarded: GuardedForm | None


def contract_of(view: object) -> Contract | None:
    """Return what a view function declares, or None if it declares nothing."""
    operation = operation_of(view)
    return operation.contract if operation else None


def operation_of(view: object) -> Operation | None:
    """Return a view function under its contract, or None if it declares nothing."""
    return getattr(view, "operation", None)
