"""The order of a list as keys: the rows after a given one, and the rows of a page chosen before they are shown."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, bindparam, select, tuple_
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import desc_op

from ...errors import Invalid
from .conditions import Joined

Order = tuple[ColumnElement[Any], ...]


def after(model: Any, order: Order) -> ColumnElement[bool]:
    """Return the condition that a row comes after the one whose id is `after`."""
    keys = [each.element for each in order if isinstance(each, UnaryExpression)]
    directions = {each.modifier is desc_op for each in order if isinstance(each, UnaryExpression)}
    if len(directions) != 1 or not hasattr(model, "id") or any(getattr(key, "nullable", True) for key in keys):
        raise Invalid({"after": ["This order allows `skip` or `page` only."]})
    table = model.__table__.alias("anchor")
    anchor = select(*(table.c[key.key] for key in keys)).where(table.c.id == bindparam("after"))
    row, last = tuple_(*keys), anchor.scalar_subquery()
    return row < last if directions == {True} else row > last


def chosen(model: Any, order: Order, joined: Joined | None) -> Select[Any]:
    """Return the rows by their ids, with what they are sorted by."""
    keys = select(model.id, *(_key(each).label(f"key{place}") for place, each in enumerate(order)))
    return keys.outerjoin_from(model, joined.table, joined.on) if joined else keys


def same(order: Order, rows: FromClause) -> Order:
    """Return an order by the keys that rows were chosen with."""
    keys = [rows.c[f"key{place}"] for place in range(len(order))]
    ends = (isinstance(each, UnaryExpression) and each.modifier is desc_op for each in order)
    return tuple(key.desc() if down else key.asc() for key, down in zip(keys, ends, strict=True))


def limited(rows: Select[Any]) -> Select[Any]:
    """Return the part of the rows that is asked for."""
    return rows.limit(bindparam("rows", type_=BigInteger)).offset(bindparam("skip", type_=BigInteger))


def _key(order: ColumnElement[Any]) -> ColumnElement[Any]:
    return order.element if isinstance(order, UnaryExpression) else order
