"""What a list is narrowed to and sorted by: conditions made of the value of a query parameter, and keys to sort by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute

Filter = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Column = ColumnElement[Any] | InstrumentedAttribute[Any]
Condition = ColumnElement[bool] | InstrumentedAttribute[bool]


class Joined(NamedTuple):
    """A sort by a column of another table, and how the table is joined: once, not looked up for each row."""

    name: str
    column: Any
    table: Any
    on: ColumnElement[bool]


@dataclass(frozen=True)
class Whole:
    """A filter that has to look at a whole other table: it is applied once, for the page and for the total."""

    condition: Filter

    def __call__(self, value: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition for a value."""
        return self.condition(value)


def contains(column: Column) -> Filter:
    """Return the filter of rows whose column contains a text, in either case."""
    return lambda text: func.strpos(func.lower(column), func.lower(text)) > 0


def pattern(text: str) -> str:
    """Return what LIKE takes for any text that contains this one; its wildcards are taken literally."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
