"""What values of the wire contract are taken for: texts, numbers and dates, in whatever form they come."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError, fields

from rental_backend.fields import (
    FIRST_DAY,
    LAST_DAY,
    Choice,
    Day,
    Email,
    Figure,
    Moment,
    Money,
    Phone,
    Share,
    Text,
    WallTime,
    Whole,
    WholeDay,
    clean,
)
from rental_backend.schemas import Payload
from tests.reaching import share


class Size(Enum):
    """What a choice is made of."""

    SMALL = "SMALL"


class Form(Payload):
    """A name that must be given, and a note."""

    name = Text(50, 1, required=True)
    note = Text(50)


UNSEEN = [
    "",
    " ",
    "\t\n",
    "\u00a0",
    "\u200b",
    "\u200d\u2060",
    "\ufeff",
    "\u2800",
    "\u3164 ",
    "\u115f",
    "\ufe0f",
    "\x01",
]


def _refused(field: fields.Field[Any], value: object) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
def test_a_text_of_which_nothing_is_seen_is_none(text: str) -> None:
    """A name of it is missing, and any other field counts as not sent."""
    with pytest.raises(ValidationError) as refused:
        Form().load({"name": text, "note": text})

    assert refused.value.messages_dict == {"name": ["Missing data for required field."]}
    assert clean(text) == ""


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (" Ada ", "Ada"),
        ("\ufeffAda\u200b", "Ada"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u212b", "\u00c5"),
        ("a  b", "a  b"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("नमस्ते", "नमस्ते"),
        ("\ufb01", "\ufb01"),
    ],
    ids=ascii,
)
def test_a_text_has_one_form(sent: str, kept: str) -> None:
    """Letters with their marks are one character, ends are trimmed, and what is within stays."""
    assert Text(50).deserialize(sent) == kept


# Letters whose marks stand apart, blanks of all kinds and what is not seen, as well as anything.
PIECES = ["a", "e\u0301", "a\u0323\u0301", "\u1100\u1161", " ", "\u00a0", "\u200b", "\u3164", "\ufe0f", "\u0301"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters()).map("".join)


@given(TEXTS)
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    """What was stored and is sent back is not changed again."""
    assert clean(clean(text)) == clean(text)


def test_addresses_and_words_are_trimmed_like_texts() -> None:
    """A blank behind comes along when something is copied."""
    assert Email().deserialize(" ada@example.com\u00a0") == "ada@example.com"
    assert Choice(Size).deserialize("SMALL ") is Size.SMALL


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("(555) 123-4567", "(555) 123-4567"),
        ("+91 98765 43210 x9", "+91 98765 43210 x9"),
        ("+44 (0)20 7946 0958 ext. 12", "+442079460958x12"),
        ("+1 (555) 123-4567 Extension: 890", "+15551234567x890"),
        ("+49 30 / 123456 - 78 #9", "+493012345678x9"),
        ("(01234) 567890, ext 4321", "01234567890x4321"),
    ],
)
def test_a_telephone_number_is_kept_as_it_is_dialled(sent: str, kept: str) -> None:
    """Written out it is longer than its column, with brackets and an extension (BR-B6)."""
    assert Phone(20).deserialize(sent) == kept
    assert Phone(20).deserialize(kept) == kept


def test_two_telephone_numbers_are_no_number() -> None:
    """What is dialled is too long, too."""
    assert _refused(Phone(20), "+1 555 123 4567 or +1 555 765 4321")


@pytest.mark.parametrize("field", [Money(), Figure(), Whole(), Share()], ids=lambda field: type(field).__name__)
@pytest.mark.parametrize(
    "value",
    ["1_000", "١٢", "\uff11\uff12", "1,234.56", "$5", "5 €", "1 000", "0x10", "½", "NaN", "inf", "", True, [], {}],
    ids=repr,
)
def test_what_is_no_number_everywhere_is_refused(field: fields.Field[Any], value: object) -> None:
    """Python reads more as numbers than the people who sent it meant."""
    assert _refused(field, value)


@pytest.mark.parametrize("value", ["12", " 12 ", "+12", 12, 12.0], ids=repr)
def test_a_number_is_read_in_its_usual_notations(value: object) -> None:
    """Texts come from queries and tables, numbers from JSON."""
    assert (Money().deserialize(value), Whole().deserialize(value), Share().deserialize(value)) == (12, 12, 12)


@pytest.mark.parametrize("value", [1.9, "1.9", -1, 1_000_001, math.nan, "1e1"], ids=repr)
def test_a_whole_number_is_whole(value: object) -> None:
    """A fraction is refused and not cut off."""
    assert _refused(Whole(), value)


def test_an_amount_is_told_how_it_is_written() -> None:
    """Whoever sends the figures of another program reads how we write them."""
    with pytest.raises(ValidationError, match=r"1234\.56"):
        Money().deserialize("$1,234.56")
    assert Money().deserialize("1234.565") == Decimal("1234.57")


INSTANTS = [
    "9999-12-31T23:59:59-05:00",
    "0001-01-01T00:00:00+14:00",
    "1899-12-30T23:59:59Z",
    "3000-01-02T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00",
    "٢٠٢٦-01-01T00:00:00Z",
    "infinity",
    "now",
]


@pytest.mark.parametrize("value", [*INSTANTS, "1899-12-31", "3000-01-01", "9999-12-31", 7, None, True], ids=repr)
def test_a_moment_beyond_all_readers_is_refused(value: object) -> None:
    """What fits the form has to fit everything that reads it afterwards."""
    assert _refused(Moment(), value)


@pytest.mark.parametrize("field", [Day(), WallTime(), Moment(zone=UTC)], ids=lambda field: type(field).__name__)
@pytest.mark.parametrize("value", ["9999-12-31", "1899-12-30", "3000-01-02", "0001-01-01"])
def test_each_kind_of_date_has_the_same_bounds(field: fields.Field[Any], value: str) -> None:
    """Days, times on a wall and instants."""
    assert _refused(field, value)


OFFSETS = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
OLDEST, NEWEST = datetime(1899, 12, 31), datetime(3000, 1, 1, 23, 59, 59, 999999)
SAID = (
    st.datetimes(OLDEST - timedelta(2), OLDEST + timedelta(2), timezones=OFFSETS)
    | st.datetimes(NEWEST - timedelta(2), NEWEST + timedelta(2), timezones=OFFSETS)
    | st.datetimes(OLDEST, NEWEST, timezones=OFFSETS)
)


def _is_beyond(moment: datetime) -> bool:
    utc = moment.astimezone(UTC).date()
    return not FIRST_DAY - timedelta(1) <= utc <= LAST_DAY + timedelta(1)


@given(SAID, st.sampled_from(sorted(available_timezones())))
def test_a_moment_that_is_taken_fits_every_reader(moment: datetime, zone: str) -> None:
    """In UTC, in any shop's zone, and sent back as it is answered, it is still a moment that is taken."""
    if _is_beyond(moment):
        assert _refused(Moment(), moment.isoformat())
        return
    read = Moment().deserialize(moment.isoformat())

    assert read == moment
    assert read.tzinfo is UTC
    assert Moment().deserialize(read.astimezone(ZoneInfo(zone)).isoformat()) == read
    assert Moment().deserialize(read.isoformat()) == read


@given(st.dates(FIRST_DAY, LAST_DAY), st.booleans())
def test_a_day_is_taken_for_a_moment(day: date, ends: bool) -> None:
    """Which instant that is depends on the zone of the business, which no form knows."""
    assert Moment(ends=ends).deserialize(f" {day.isoformat()} ") == WholeDay(day, ends)
    assert Day().deserialize(day.isoformat()) == day


CASES: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], bool]]] = {
    "a text of which something is cleaned": (TEXTS, lambda text: clean(text) not in ("", text)),
    "letters and marks that become one": (TEXTS, lambda text: len(normalize("NFC", text)) < len(text)),
    "nothing that is seen": (TEXTS, lambda text: bool(text) and not clean(text)),
    "a moment that is refused": (SAID, _is_beyond),
    "a moment near the first": (SAID, lambda moment: not _is_beyond(moment) and moment.year <= 1900),
    "a moment near the last": (SAID, lambda moment: not _is_beyond(moment) and moment.year >= 2999),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_examples_reach_what_they_are_about(
    case: tuple[st.SearchStrategy[Any], Callable[[Any], bool]],
) -> None:
    """One in fifty at the least: a property says nothing of what it is not tried on."""
    assert share(*case) >= 0.02
