"""The field types of the wire contract."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any, TypedDict, TypeVar, Unpack

from marshmallow import ValidationError, fields, validate
from marshmallow.types import Validator

T = TypeVar("T")
Sent = Mapping[str, object] | None  # all of what a field was sent with

# D124: dates from 1900 to 2999.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
OUT_OF_RANGE = f"Must be a date from {FIRST_DAY} to {LAST_DAY}."
DIGITS = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
HOW = "Write a number as 1234.56, without a currency and without separators of thousands."
EXTENSION = re.compile(r"[\s,;]*(?:extension|extn?|x|#)[.:=\s]*(?=[0-9])", re.IGNORECASE)
NOT_DIALLED = re.compile(r"[\s()./-]")
ZERO_WIDTH = "\u200b\u2060\ufeff"  # they come along when a text is copied
AROUND = "".join((ZERO_WIDTH, *filter(str.isspace, map(chr, range(0x3001)))))
INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # categories of characters: controls, formats, separators
# Blanks that Unicode takes for letters, symbols or marks: fillers, the empty Braille cell, selectors of variants.
FILLERS = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0))) | frozenset(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


class Options(TypedDict, total=False):
    """What a field of the wire contract is declared with, whatever its type."""

    required: bool
    allow_none: bool
    load_default: object
    data_key: str
    attribute: str
    metadata: Mapping[str, Any]


def says_nothing(text: str) -> bool:
    """Tell whether nothing of a text can be seen; NUL is left to be refused."""
    return all(each in FILLERS or (unicodedata.category(each) in INVISIBLE and each != "\0") for each in text)


# D125: one text is one sequence of characters.
def clean(text: str) -> str:
    """Return a text as it is stored and searched for: each letter in one form (NFC), trimmed, `""` if none is seen."""
    return "" if says_nothing(text) else unicodedata.normalize("NFC", text).strip(AROUND)


class Text(fields.String):
    """Text without NUL characters (PostgreSQL cannot store them), `clean`, of at most `longest` characters."""

    def __init__(self, longest: int | None = None, shortest: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(validate=validate.Length(min=shortest, max=longest), **kwargs)

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        if "\0" in text:
            raise ValidationError("Must not contain NUL characters.")
        return clean(text)


class TextOrEmpty(Text):
    """Text that is answered as `""` when there is none: a null would crash the page that reads it."""


class Phone(Text):
    """A telephone number as it was written; of one that is too long only what is dialled is kept.

    Of `+44 (0)20 7946 0958 ext. 12` that is `+442079460958x12` (BR-B6).
    """

    def __init__(self, longest: int, **kwargs: Unpack[Options]) -> None:
        super().__init__(longest, **kwargs)
        self.longest = longest

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> str:
        written = super()._deserialize(value, attr, data, **kwargs)
        if len(written) <= self.longest:
            return written
        abroad = written.replace("(0)", "") if written.startswith(("+", "00")) else written
        return NOT_DIALLED.sub("", EXTENSION.sub("x", abroad))


class Email(fields.Email):
    """An e-mail address of at most 255 characters."""

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(validate=validate.Length(max=255), **kwargs)

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> str:
        return clean(str(super()._deserialize(value, attr, data, **kwargs)))


class Figure(fields.Decimal):
    """A number in ASCII digits; Python would take `1_000` and the digits of all scripts, too."""

    default_error_messages = {"invalid": f"Not a valid number. {HOW}"}

    def _validated(self, value: object) -> Decimal:
        _require(NUMBER, value, self)
        return super()._validated(value)


class Whole(fields.Integer):
    """A whole number from `least` to `most`, in ASCII digits; a fraction is refused and not cut off."""

    def __init__(self, least: int = 0, most: int = 1_000_000, **kwargs: Unpack[Options]) -> None:
        super().__init__(validate=validate.Range(least, most), **kwargs)

    def _validated(self, value: object) -> int:
        _require(DIGITS, value, self)
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Share(fields.Float):
    """A number that need not be exact, in ASCII digits."""

    def _validated(self, value: object) -> float:
        _require(NUMBER, value, self)
        return super()._validated(value)


def _require(notation: re.Pattern[str], value: object, field: fields.Field[Any]) -> None:
    if isinstance(value, str) and not notation.fullmatch(value.strip()):
        raise field.make_error("invalid", input=value)


class Money(Figure):
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

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> Any:
        sent = clean(value) if isinstance(value, str) else value
        return super()._deserialize(sent, attr, data, **kwargs)


class Day(fields.Date):
    """A day as `YYYY-MM-DD`, from 1900 to 2999."""

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> date:
        day: date = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValidationError(OUT_OF_RANGE)
        return day


@dataclass(frozen=True, slots=True)
class WholeDay:
    """A day that was said where an instant is wanted: its first instant, or its last one.

    Which instant that is depends on the time zone of the business, which is asked for when there is a session.
    """

    day: date
    ends: bool = False


class WallTime(fields.DateTime):
    """A date and time from 1900 to 2999, with or without its distance from UTC."""

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> datetime:
        return _in_range(super()._deserialize(value, attr, data, **kwargs))


class Moment(fields.AwareDateTime):
    """An instant from 1900 to 2999: a date and time with its distance from UTC, or a day, loaded as `WholeDay`.

    `ends`: a day stands for its end, as where a range ends. `zone` is that of a time that says none.
    """

    def __init__(self, *, ends: bool = False, zone: tzinfo | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(default_timezone=zone, **kwargs)
        self.ends = ends

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> Any:
        sent = clean(value) if isinstance(value, str) else value
        try:
            day = date.fromisoformat(str(sent))
        except ValueError:
            return _in_range(super()._deserialize(sent, attr, data, **kwargs)).astimezone(UTC)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValidationError(OUT_OF_RANGE)
        return WholeDay(day, self.ends)


def _in_range(moment: datetime) -> datetime:
    """Return the moment. Raises `ValidationError` where its day is out of range in every zone, which none else is."""
    spare = timedelta(1)  # a day begins up to a day earlier or later elsewhere
    known = moment.tzinfo is None or moment.year in (MINYEAR, MAXYEAR)  # whose UTC may be none of Python's
    if not FIRST_DAY - spare <= (moment if known else moment.astimezone(UTC)).date() <= LAST_DAY + spare:
        raise ValidationError(OUT_OF_RANGE)
    return moment
