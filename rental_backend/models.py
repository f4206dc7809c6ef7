"""The declarative base, the naming of constraints, and the columns that most tables share."""

import uuid
from datetime import datetime

from sqlalchemy import DateTime, MetaData, String, Uuid, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMES)


class Identified:
    """A row with a random UUID."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid(), sort_order=900)


class Audited(Identified):
    """A row that says when and by whom it was made, changed and retired (by user name)."""

    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), sort_order=901)
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now(), sort_order=902
    )
    created_by: Mapped[str | None] = mapped_column(String(255), sort_order=903)
    updated_by: Mapped[str | None] = mapped_column(String(255), sort_order=904)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), sort_order=906)
    deleted_by: Mapped[str | None] = mapped_column(String(255), sort_order=907)


class Retirable(Audited):
    """A row that is retired instead of deleted."""

    is_active: Mapped[bool] = mapped_column(default=True, index=True, sort_order=905)
