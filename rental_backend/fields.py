"""The field types of the wire contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypedDict, TypeVar, Unpack

from marshmallow import ValidationError, fields, validate
from marshmallow.types import Validator

T = TypeVar("T")
Sent = Mapping[str, object] | None  # all of what a field was sent with
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


class Options(TypedDict, total=False):
    """What a field of the wire contract is declared with, whatever its type."""

    required: bool
    allow_none: bool
    load_default: object
    data_key: str
    attribute: str
    metadata: Mapping[str, Any]


class Text(fields.String):
    """Text without NUL characters (PostgreSQL cannot store them), trimmed, of at most `longest` characters."""

    def __init__(self, longest: int | None = None, shortest: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(validate=validate.Length(min=shortest, max=longest), **kwargs)

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if "\0" in text:
            raise ValidationError("Must not contain NUL characters.")
        return text.strip()


class TextOrEmpty(Text):
    """Text that is answered as `""` when there is none: a null would crash the page that reads it."""


class Email(fields.Email):
    """An e-mail address of at most 255 characters."""

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(validate=validate.Length(max=255), **kwargs)


class Money(fields.Decimal):
    """An amount with two places, rounded half up on the way in, a JSON number on the way out."""

    def __init__(self, most: str = "99999999.99", **kwargs: Unpack[Options]) -> None:
        super().__init__(
            places=2, rounding="ROUND_HALF_UP", validate=validate.Range(Decimal(0), Decimal(most)), **kwargs
        )

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> Decimal:
        if isinstance(value, bool):
            raise self.make_error("invalid")
        try:
            amount: Decimal = super()._deserialize(value, attr, data, **kwargs)
        except ArithmeticError:  # more digits than Decimal's context can round
            raise self.make_error("invalid") from None
        return amount


class Choice(fields.Enum[Any]):
    """A member of an enum, by its value."""

    def __init__(self, enum: type[Enum], validate: Validator | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(enum, by_value=True, validate=validate, **kwargs)
