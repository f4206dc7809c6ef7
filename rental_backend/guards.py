"""Fields that take a permission of their own: how a field declares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import fields

T = TypeVar("T")
SUPERUSER = "superuser"  # in the place of a permission: what only superusers may do


@dataclass(frozen=True, slots=True)
class Guard:
    """What it takes to change a field: a permission, or a permission for each value that needs any.

    `stored` names what the form's `STORED` calls the present value, if not like the field; where it is "", there is
    nothing to compare with, and any value is a change.
    """

    permission: str | Mapping[object, str]
    stored: str | None = None

    def asks_for(self, value: object) -> str | None:
        """Return the permission that a new value takes, None if it takes none."""
        return self.permission if isinstance(self.permission, str) else self.permission.get(value)

    def said(self) -> str | dict[str, str]:
        """Return the permission, or the permission of each value, as the documentation has it."""
        asked = self.permission
        if isinstance(asked, str):
            return asked
        return {str(value).lower() if isinstance(value, bool) else str(value): each for value, each in asked.items()}


# D104: declared at the field, asked for in one place.
def guarded(permission: str | Mapping[object, str], *, stored: str | None = None) -> dict[str, Any]:
    """Return the metadata of a field that takes a permission of its own, beside that of the operation."""
    return {"guard": Guard(permission, stored)}


def guard_of(field: fields.Field[T]) -> Guard | None:
    """Return what it takes to change a field, if that is more than the operation's permission."""
    return field.metadata.get("guard")
