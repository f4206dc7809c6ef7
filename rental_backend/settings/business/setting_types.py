"""What the text of a setting stands for, and which texts its rules allow."""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, cast

import orjson

from ..models import SettingType
from .defaults import Rules

LONGEST = 10_000
TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


def _boolean(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError
    return text.lower() in TRUE


def _decimal(text: str) -> Decimal:
    if not text.isascii() or "_" in text:  # Python would take the digits of all scripts, and 1_000
        raise ValueError
    number = Decimal(text)
    if not number.is_finite() or abs(number) > Decimal("1e15"):
        raise ValueError
    return number


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", text):
        raise ValueError
    return int(text)


READERS: dict[SettingType, tuple[Callable[[str], Any], str]] = {
    SettingType.STRING: (str, "a text"),
    SettingType.INTEGER: (_integer, "a whole number"),
    SettingType.DECIMAL: (_decimal, "a number"),
    SettingType.BOOLEAN: (_boolean, "true or false"),
    SettingType.JSON: (orjson.loads, "JSON"),
    SettingType.DATE: (date.fromisoformat, "a date"),
    SettingType.DATETIME: (datetime.fromisoformat, "a date and time"),
}


def read(kind: SettingType, text: str) -> Any:
    """Return the value that a text stands for. Raises ValueError, saying what it must be."""
    reader, said = READERS[kind]
    try:
        return reader(text)
    except (ValueError, InvalidOperation):
        raise ValueError(f"Must be {said}.") from None


def written(value: object) -> str:
    """Return the text of a value as it was sent: JSON for lists and objects, `true` and `false`, else its words."""
    if isinstance(value, bool | list | dict):
        return orjson.dumps(value).decode()
    return str(value).strip()


def fault(kind: SettingType, rules: Rules, text: str) -> str | None:
    """Say what is wrong with a text by its type and its rules (`min`, `max`, `choices`, `pattern`, `format`), if so."""
    if len(text) > LONGEST or "\0" in text:
        return f"Must be a text of at most {LONGEST} characters without NUL."
    try:
        value = read(kind, text)
    except ValueError as error:
        return str(error)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _out_of_range(value, rules)
    if "choices" in rules and value not in rules["choices"]:
        return f"Must be one of: {', '.join(map(str, rules['choices']))}."
    if "pattern" in rules and not re.fullmatch(rules["pattern"], text):
        return f"Must be of the form {rules['pattern']}."
    if rules.get("format") == "timezone" and text not in zones():
        return "Must be the name of a time zone, such as Asia/Kolkata."
    return None


def _out_of_range(value: int | Decimal, rules: Rules) -> str | None:
    if "min" in rules and value < rules["min"]:
        return f"Must be at least {rules['min']}."
    if "max" in rules and value > rules["max"]:
        return f"Must be at most {rules['max']}."
    return None


def usable(rules: Mapping[str, object] | None) -> Rules:
    """Return those rules of a stored row that can be kept to; what others have written into it may be anything."""
    kinds: dict[str, Any] = {"min": int | float, "max": int | float, "choices": list, "pattern": str, "format": str}
    found = {name: rule for name, rule in (rules or {}).items() if isinstance(rule, kinds.get(name, ()))}
    try:
        re.compile(str(found.get("pattern", "")))
    except re.error:
        del found["pattern"]
    return cast(Rules, found)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(zoneinfo.available_timezones())
