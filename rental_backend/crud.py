"""What every kind of row has done to it: found, created, changed, retired. Rules of a domain stand in its service."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from .errors import NotFound
from .models import Identified, Retirable

One = TypeVar("One", bound=Identified)
Row = TypeVar("Row", bound=Retirable)


def find(session: Session, model: type[One], id: uuid.UUID) -> One:
    """Return a row for a change, or raise `NotFound`; it stays locked until the transaction ends."""
    row = session.get(model, id, with_for_update=True)
    if row is None:
        raise NotFound(f"There is no such {spoken(model)}.")
    return row


def require(session: Session, model: type[One], id: uuid.UUID) -> None:
    """Raise `NotFound` if there is no such row; one that is retired is there."""
    if session.scalar(select(model.id).where(model.id == id)) is None:
        raise NotFound(f"There is no such {spoken(model)}.")


def spoken(model: type) -> str:
    """Return a model's name as it is said: `unit of measurement`."""
    letters = (f" {letter.lower()}" if letter.isupper() else letter for letter in model.__name__)
    return "".join(letters).strip()


def create(session: Session, row: Row, actor: str) -> Row:
    """Store a new row in the name of a user; a clash with another one is told by the database."""
    row.created_by = row.updated_by = actor
    session.add(row)
    session.flush()
    return row


def change(row: Row, actor: str, fields: Mapping[str, object]) -> Row:
    """Change what is given and leave the rest; `is_active` retires a row or brings it back."""
    given = dict(fields)
    active = given.pop("is_active", None)
    for name, value in given.items():
        setattr(row, name, value)
    row.updated_by = actor
    if active is not None and active is not row.is_active:
        (restore if active else retire)(row, actor)
    return row


def retire(row: Row, actor: str) -> Row:
    """Take a row out of the lists; nothing is deleted. Does nothing to one that is retired already."""
    if row.is_active:
        row.is_active = False
        row.deleted_at, row.deleted_by = datetime.now(UTC), actor
        row.updated_by = actor
    return row


def restore(row: Row, actor: str) -> Row:
    """Bring a retired row back."""
    if not row.is_active:
        row.is_active = True
        row.deleted_at = row.deleted_by = None
        row.updated_by = actor
    return row
