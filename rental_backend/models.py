"""The declarative base, the naming of constraints, and the columns that most tables share."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, Enum, MetaData, Numeric, String, Text, Uuid, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, Session, mapped_column

# The names that PostgreSQL gives by itself, and so those of production, which was created without a convention.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}

Amount = Annotated[Decimal, mapped_column(Numeric(15, 2))]
Price = Annotated[Decimal, mapped_column(Numeric(10, 2))]
Quantity = Annotated[Decimal, mapped_column(Numeric(10, 2))]
Naive = Annotated[datetime, mapped_column(DateTime)]  # in UTC without saying so, as production keeps it
UTC_NOW = func.timezone("UTC", func.now())


def one_of(kind: type[enum.StrEnum], length: int = 20) -> Enum:
    """Return the type of a text column that holds values of a closed set, which the database does not enforce.

    Reading a row with another value raises `LookupError`.
    """
    return Enum(kind, native_enum=False, length=length)


class Model(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class Identified:
    """A row with a random UUID."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid(), sort_order=900)


class Audited(Identified):
    """A row that says when and by whom it was made, changed and retired (by user name)."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=901)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now(), sort_order=902)
    created_by: Mapped[str | None] = mapped_column(String(255), sort_order=903)
    updated_by: Mapped[str | None] = mapped_column(String(255), sort_order=904)
    deleted_at: Mapped[datetime | None] = mapped_column(sort_order=906)
    deleted_by: Mapped[str | None] = mapped_column(String(255), sort_order=907)


class Retirable(Audited):
    """A row that is retired instead of deleted."""

    is_active: Mapped[bool] = mapped_column(default=True, index=True, sort_order=905)


def added(session: Session, key: InstrumentedAttribute[str], rows: list[dict[str, Any]]) -> frozenset[str]:
    """Store those rows whose unique key is not there yet, and return their keys.

    Whoever else stores the same rows is waited for; all must do so in the same order.
    """
    statement = insert(key.class_).values(rows).on_conflict_do_nothing(index_elements=[key]).returning(key)
    return frozenset(session.scalars(statement))
