"""The declarative base, the naming of constraints, and the columns that most tables share."""

import enum
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Annotated, Any, cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Enum,
    Index,
    MetaData,
    Numeric,
    String,
    Text,
    Uuid,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, Session, mapped_column
from sqlalchemy.sql.elements import SQLCoreOperations

# The names that PostgreSQL gives by default. Production has them, because it was created without a convention.
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


# D26: texts with a closed set are enums.
def one_of(kind: type[enum.StrEnum], length: int = 20) -> Enum:
    """Return the type of a text column that holds values of a closed set, to which a check holds it.

    The check bears the name of the set: `inventory_units_unitstatus_check`.
    """
    return Enum(kind, native_enum=False, length=length, create_constraint=True)


Expression = SQLCoreOperations[object]  # a column, or what is computed from some, of any type


def at_least(least: int, *columns: str) -> tuple[CheckConstraint, ...]:
    """Return checks that none of these numbers is smaller; a number that is not given passes."""
    return tuple(CheckConstraint(f"{column} >= {least}", name=column) for column in columns)


def in_order(first: str, last: str) -> CheckConstraint:
    """Return a check that the last date, if both are given, is not before the first."""
    return CheckConstraint(f"{last} >= {first}", name=last)


def searched(*columns: Expression) -> ColumnElement[str]:
    """Return all that a search looks at as one text: one trigram index holds it, one condition asks it.

    What is no column of a table (an expression of a read model) may be null.
    """
    texts = [
        column if not getattr(column, "nullable", True) else func.coalesce(column, literal_column("''"))
        for column in columns
    ]
    joined = reduce(lambda left, right: left.concat(literal_column("' '")).concat(right), texts)
    return cast(ColumnElement[str], joined)


def folded(column: Expression) -> ColumnElement[str]:
    """Return what names are compared by: neither case nor the number of blanks makes a difference (BR-A13)."""
    blanks, one, everywhere = (
        literal_column(r"'\s+'", String),
        literal_column("' '", String),
        literal_column("'g'", String),
    )
    return func.lower(func.regexp_replace(column, blanks, one, everywhere))


def trigrams(name: str, *columns: Expression) -> Index:
    """Return the index for a search in these columns, for any part of three letters or more, in either case."""
    text = searched(*columns).label("text")
    return Index(name, text, postgresql_using="gin", postgresql_ops={"text": "gin_trgm_ops"})


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


def added(session: Session, key: InstrumentedAttribute[str], rows: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """Store those rows whose unique key is not there yet, and return their keys.

    Other transactions that store the same rows are waited for; all must store them in the same order.
    """
    statement = insert(key.class_).values(rows).on_conflict_do_nothing(index_elements=[key]).returning(key)
    return frozenset(session.scalars(statement))
