"""What all forms and answers of the wire contract share."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, fields, post_load, pre_load, validate

from .fields import Text, Whole, says_nothing

MOST_ROWS = 1000
DEEPEST_OFFSET = 10_000_000


# D9: unknown fields and parameters are refused.
class Payload(Schema):
    """A body or query: unknown fields are refused by name, and a text of which nothing is seen counts as not sent.

    The frontend's forms send `""` for every optional field left empty, of any type. `ALIASES` are other names of
    fields; a field's own name counts if both say something. `EXAMPLE` is what the documentation shows beside values
    that are made up for required fields. `STORED` is where the row is looked at whose guarded fields are changed: a
    table, whose defaults count for a new row, or a read model.
    """

    ALIASES: ClassVar[dict[str, str]] = {}
    EXAMPLE: ClassVar[dict[str, Any]] = {}
    STORED: ClassVar[type[Any] | None] = None

    class Meta:
        unknown = RAISE

    @pre_load
    def drop_blanks(self, data: object, **_: object) -> object:
        """Leave out what is blank, and take other names for what they mean."""
        if not isinstance(data, dict):
            return data
        said = {name: value for name, value in data.items() if not isinstance(value, str) or not says_nothing(value)}
        for other, name in self.ALIASES.items():
            if other in said:
                said.setdefault(name, said.pop(other))
        return said


def names_of(form: Schema) -> dict[str, str]:
    """Return by what names a form takes its fields: the names themselves, and other names for what they mean."""
    names = {field.data_key or name: name for name, field in form.load_fields.items()}
    return {**names, **(form.ALIASES if isinstance(form, Payload) else {})}


class Output(Schema):
    """A schema that is only answered, never read; a value may therefore have two names."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dump_only": tuple(self._declared_fields)})


class Envelope(Output):
    """A list as an object: its rows, under one or several names, and the total."""

    total = fields.Integer()


class Paging(Payload):
    """The part of a list: `skip` and `limit`, or `page` and `page_size`, or `after`, the id of the last row seen.

    Pages are numbered from 1. `sort_by` and `sort_order` are other names of `sort_field` and `sort_direction`. `count`
    asks for the exact total, or for no total.
    """

    skip = Whole(0, DEEPEST_OFFSET)
    limit = Whole(1, MOST_ROWS)
    page = Whole(1, DEEPEST_OFFSET // MOST_ROWS)
    page_size = Whole(1, MOST_ROWS)
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
    limit = Whole(1, MOST_ROWS, load_default=10)
