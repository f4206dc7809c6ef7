"""The kinds of settings, and how one is declared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeVar

from marshmallow import ValidationError, validate
from marshmallow import fields as m

from .urls import UrlError

KEY_LENGTH = 32
HOST = r"(\[[^\]\s]*\]|[^\[\]@:/?,\s]*)(:[0-9]*)?"
READABLE = re.compile(rf"(?!.*%(?![0-9A-Fa-f]{{2}}))([^@/?\s]*@)?{HOST}(,{HOST})*([/?]\S*)?")


T = TypeVar("T")


class Url(m.String):
    """A connection URL of one of the given schemes, without surrounding blanks.

    One that drivers would read differently is refused here: their complaints repeat pieces of it, passwords too.
    `check` raises `UrlError` for what it does not take.
    """

    def __init__(self, *schemes: str, check: Callable[[str], object] | None = None) -> None:
        super().__init__()
        self.schemes, self.check = schemes, check

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, object] | None, **kwargs: object) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
        scheme, _, rest = text.partition("://")
        if scheme not in self.schemes or not rest:
            raise ValidationError(f"Not a URL of the form {self.schemes[0]}://…")
        if not READABLE.fullmatch(rest):
            raise ValidationError("Not readable as a URL (is the password percent-encoded, is the port a number?)")
        try:
            if self.check:
                self.check(text)
        except UrlError as error:
            raise ValidationError(str(error)) from None
        return text


class Words(m.String):
    """A list of words separated by commas or blanks, as a tuple."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, object] | None, **kwargs: object) -> Any:
        return tuple(str(super()._deserialize(value, attr, data, **kwargs)).replace(",", " ").split())


def long_enough(keys: tuple[str, ...]) -> None:
    """Refuse keys that are too short to sign with."""
    if any(len(key) < KEY_LENGTH for key in keys):
        raise ValidationError(f"Each shorter than minimum length {KEY_LENGTH}.")


def setting(name: str, kind: m.Field[T], help: str, default: object = None) -> Any:
    """Declare one setting: its variable, how it is read, what it means (with unit) and its default."""
    return field(default=default, metadata={"name": name, "kind": kind, "help": help})


def seconds(name: str, default: float, help: str) -> Any:
    """Declare a positive length of time in seconds."""
    return setting(name, m.Float(validate=validate.Range(min=0.01, max=3600)), f"{help} (seconds)", default)


def count(name: str, default: int, help: str, *, low: int = 1, high: int = 1_000_000_000) -> Any:
    """Declare a whole number."""
    return setting(name, m.Integer(validate=validate.Range(low, high)), help, default)
