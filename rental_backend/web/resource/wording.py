"""What the OpenAPI document says about operations that are declared: their sentences are composed of a noun."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

AN = re.compile(r"[aeio]|u(?!ni|se|ti)|hour|hono", re.IGNORECASE)  # by sound: a unit, a user, an hour


@dataclass(frozen=True, slots=True)
class Noun:
    """What the rows of a resource are called: `item` and `items`."""

    singular: str
    plural: str

    @property
    def one(self) -> str:
        """The singular with its article: `an item`, `a unit of measurement`."""
        return f"{'an' if AN.match(self.singular) else 'a'} {self.singular}"


def says(text: str) -> Callable[[View], View]:
    """Give a view its docstring, whose first sentence is its summary in the document."""

    def decorate(view: View) -> View:
        view.__doc__ = text
        return view

    return decorate
