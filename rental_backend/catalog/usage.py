"""The rules of master data that items are made of (BR-B4): what is in use cannot be deleted."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnExpressionArgument, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from .. import crud as records
from ..crud import Row
from ..errors import Conflict, Invalid, NotFound
from ..models import Retirable, folded
from .models import Brand, Category, Item, UnitOfMeasurement

ITEMS_OF: Mapping[type[Retirable], InstrumentedAttribute[uuid.UUID | None]] = {
    Brand: Item.brand_id,
    Category: Item.category_id,
    UnitOfMeasurement: Item.unit_of_measurement_id,
}


# D51: in use: not deleted.
class InUse(Conflict):
    """Something cannot go, because others hang on it (409); the answer says how many."""

    code, title = "in_use", "Still in use"


@dataclass(frozen=True, slots=True)
class ActivationResult:
    """How many of the rows that were named are as wanted now, and which there are not."""

    done: int
    missing: list[uuid.UUID]


def retire(session: Session, row: Row, actor: str) -> Row:
    """Delete a brand, unit or category out of sight. Raises `InUse` if it has items that are not retired.

    Its row is locked: an item that is just being created with it is waited for, and counts.
    """
    require_unused(row, count(session, ITEMS_OF[type(row)] == row.id, Item.is_active), "item", "items")
    return records.retire(row, actor)


def count(session: Session, *conditions: ColumnExpressionArgument[bool]) -> int:
    """Return how many rows fit the conditions."""
    return session.scalar(select(func.count()).where(*conditions)) or 0


def require_unused(row: Retirable, number: int, one: str, many: str) -> None:
    """Raise `InUse` if a number of things hang on a row."""
    if number:
        things = f"{number} {one if number == 1 else many}"
        raise InUse(f"The {records.spoken(type(row))} still has {things}, so it cannot go.", count=number)


def set_active(session: Session, actor: str, ids: Sequence[uuid.UUID], active: bool) -> ActivationResult:
    """Take many units of measurement into use or out of it; items keep theirs. Unknown ids are named."""
    found = _locked(session, ids)
    for unit in found.values():
        records.change(unit, actor, {"is_active": active})
    return ActivationResult(len(found), [each for each in dict.fromkeys(ids) if each not in found])


def _locked(session: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, UnitOfMeasurement]:
    """Return units by id, locked in the order of their ids, so that two such operations do not wait for each other."""
    wanted = select(UnitOfMeasurement).where(UnitOfMeasurement.id.in_(ids)).order_by(UnitOfMeasurement.id)
    return {unit.id: unit for unit in session.scalars(wanted.with_for_update())}


def id_of(
    field: str, text: str, session: Session, *columns: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
) -> uuid.UUID:
    """Return the id of the one row that has a name in one of the columns, by case and blanks or not (BR-A13).

    Raises `Invalid`, naming the field, if there is none, or several.
    """
    alike = or_(*(folded(column) == folded(literal(text)) for column in columns))
    ids: Sequence[uuid.UUID] = session.scalars(select(columns[0].class_.id).where(alike).limit(2)).all()
    if len(ids) != 1:
        raise Invalid({field: ["Several have this name." if ids else f"There is no {text[:100]}."]})
    return ids[0]


def named(session: Session, column: InstrumentedAttribute[str | None], text: str) -> uuid.UUID:
    """Return the id of the row that has a text in a unique column, in either case, or raise `NotFound`."""
    alike = select(column.class_.id).where(func.lower(column) == func.lower(text))
    found: uuid.UUID | None = session.scalar(alike.order_by((column == text).desc()).limit(1))
    if found is None:
        raise NotFound(f"There is no such {records.spoken(cast(type, column.class_))}.")
    return found
