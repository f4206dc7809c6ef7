"""The base schema and the field types of the wire contract."""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, TypedDict, Unpack

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate
from marshmallow.types import Validator

MOST_ROWS = 1000
DEEPEST_OFFSET = 10_000_000


Sent = Mapping[str, object] | None  # all of what a field was sent with


class Options(TypedDict, total=False):
    """What a field of the wire contract is declared with, whatever its type."""

    required: bool
    allow_none: bool
    load_default: object
    data_key: str
    attribute: str


# D9: unknown fields and parameters are refused.
class Payload(Schema):
    """A body or query: unknown fields are refused by name, and a blank text counts as not sent.

    The frontend's forms send `""` for every optional field left empty, of any type. `ALIASES` are other names of
    fields; a field's own name counts if both say something. `EXAMPLE` is what the documentation shows beside values
    that are made up for required fields.
    """

    ALIASES: ClassVar[dict[str, str]] = {}
    EXAMPLE: ClassVar[dict[str, Any]] = {}

    class Meta:
        unknown = RAISE

    @pre_load
    def drop_blanks(self, data: object, **_: object) -> object:
        """Leave out what is blank, and take other names for what they mean."""
        if not isinstance(data, dict):
            return data
        said = {name: value for name, value in data.items() if not isinstance(value, str) or value.strip()}
        meant = {name: value for name, value in said.items() if name not in self.ALIASES}
        for other, name in self.ALIASES.items():
            if other in said:
                meant.setdefault(name, said[other])
        return meant


class Output(Schema):
    """A schema that is only answered, never read; a value may therefore have two names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dump_only": tuple(self._declared_fields)})


class Envelope(Output):
    """A list as an object: its rows, under one or several names, and the total."""

    total = fields.Integer()


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


class Paging(Payload):
    """The part of a list: `skip` and `limit`, or `page` and `page_size`, or `after`, the id of the last row seen.

    Pages are numbered from 1. `sort_by` and `sort_order` are other names of `sort_field` and `sort_direction`. `count`
    asks for the exact total, or for no total.
    """

    skip = fields.Integer(validate=validate.Range(0, DEEPEST_OFFSET))
    limit = fields.Integer(validate=validate.Range(1, MOST_ROWS))
    page = fields.Integer(validate=validate.Range(1, DEEPEST_OFFSET // MOST_ROWS))
    page_size = fields.Integer(validate=validate.Range(1, MOST_ROWS))
    after = fields.UUID()
    search = Text(200)
    sort_field = Text(50)
    sort_direction = fields.String(validate=validate.OneOf(["asc", "desc"]))
    sort_by = Text(50)
    sort_order = fields.String(validate=validate.OneOf(["asc", "desc"]))
    count = fields.String(validate=validate.OneOf(["exact", "none"]))

    @post_load
    def settle_sorting(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Give both names of a sorting as the first."""
        for name, meant in (("sort_by", "sort_field"), ("sort_order", "sort_direction")):
            if name in data:
                data.setdefault(meant, data.pop(name))
        return data


class Browsing(Paging):
    """The part of a list that leaves out inactive rows unless they are asked for."""

    is_active = fields.Boolean()
    active_only = fields.Boolean()
    include_inactive = fields.Boolean()

    @post_load
    def settle_activity(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Say once which rows are meant: active ones, unless the caller names others or wants all."""
        everything = data.pop("active_only", True) is False
        everything |= data.pop("include_inactive", False) is True
        if not everything:
            data.setdefault("is_active", True)
        return data


class Lookup(Browsing):
    """The query of a field that suggests rows while the user types."""

    search = Text(200, 1, required=True, data_key="q")
    limit = fields.Integer(validate=validate.Range(1, MOST_ROWS), load_default=10)
