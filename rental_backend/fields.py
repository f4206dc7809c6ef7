"""The field types of the wire contract."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, TypedDict, Unpack

from marshmallow import ValidationError, fields, validate
from marshmallow.types import Validator

Sent = Mapping[str, object] | None  # all of what a field was sent with


class Options(TypedDict, total=False):
    """What a field of the wire contract is declared with, whatever its type."""

    required: bool
    allow_none: bool
    load_default: object
    data_key: str
    attribute: str


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
