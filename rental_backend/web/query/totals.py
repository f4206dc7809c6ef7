"""What a list says of all rows that fit, whatever the page: how many there are, and the sums of columns."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, case, func, literal_column, or_, select
from sqlalchemy import Text as SqlText

from .paging import COUNTED


def total(found: Select[Any], count: str | None, *, keyed: bool) -> ColumnElement[Any]:
    """Return the number of rows found, counted only if the page does not tell it.

    It is NULL if it is not wanted, or larger than is counted.
    """
    if count == "none":
        return literal_column("NULL")
    # What never changes is no parameter, which would be sent each time.
    most: ColumnElement[int] = literal_column(str(COUNTED + 1))
    few = func.nullif(_counted(found.limit(most)), most)
    everything = _counted(found) if count == "exact" else few
    if keyed:
        return everything
    rows, skip = bindparam("rows", type_=BigInteger), bindparam("skip", type_=BigInteger)
    none: ColumnElement[int] = literal_column("0")
    is_last = and_(func.count() < rows, or_(func.count() > none, skip == none))
    return case((is_last, skip + func.count()), else_=everything)


def sums(model: Any, names: tuple[str, ...], conditions: list[Any]) -> ColumnElement[str]:
    """Return the sums of columns over all rows that fit, as the text of a JSON object; of no rows they are 0."""
    none: ColumnElement[int] = literal_column("0")
    pairs: list[ColumnElement[Any]] = []
    for name in names:
        pairs += (literal_column(f"'{name}'"), func.coalesce(func.sum(getattr(model, name)), none))
    summed = func.json_build_object(*pairs).cast(SqlText)
    return select(summed).select_from(model).where(*conditions).scalar_subquery()


def _counted(found: Select[Any]) -> ColumnElement[int]:
    """Return how many rows a statement finds."""
    return select(func.count()).select_from(found.subquery("found")).scalar_subquery()
