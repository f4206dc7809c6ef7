"""Extensions of rentals."""

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ...models import Amount, Model, Quantity, Retirable, at_least, in_order
from ...transactions.models import PaymentStatus
from .returns import ReturnCondition

if TYPE_CHECKING:
    from ...transactions.models import TransactionHeader, TransactionLine


class ExtensionType(enum.StrEnum):
    """Whether all or some lines are extended."""

    FULL = "FULL"
    PARTIAL = "PARTIAL"


class RentalExtension(Retirable, Model):
    """A rental that ends later than agreed, and what that costs."""

    __tablename__ = "rental_extensions"
    __table_args__ = (
        Index("idx_extension_date", "extension_date"),
        Index("idx_extension_payment_status", "payment_status"),
        Index("idx_extension_rental", "parent_rental_id"),
        *at_least(0, "extension_charges", "payment_received"),
        in_order("original_end_date", "new_end_date"),
    )

    parent_rental_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"))
    extension_date: Mapped[datetime] = mapped_column(default=func.now())
    original_end_date: Mapped[date]
    new_end_date: Mapped[date]
    extension_type: Mapped[ExtensionType]
    extension_charges: Mapped[Amount] = mapped_column(default=Decimal(0))
    payment_received: Mapped[Amount] = mapped_column(default=Decimal(0))
    payment_status: Mapped[PaymentStatus] = mapped_column(default=PaymentStatus.PENDING)
    extended_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    notes: Mapped[str | None]

    rental: Mapped["TransactionHeader"] = relationship(lazy="raise")
    lines: Mapped[list["RentalExtensionLine"]] = relationship(lazy="raise", back_populates="extension")


class RentalExtensionLine(Retirable, Model):
    """One line of an extension: what stays longer, and what came back instead."""

    __tablename__ = "rental_extension_lines"
    __table_args__ = (
        Index("idx_extension_line_extension", "extension_id"),
        Index("idx_extension_line_transaction", "transaction_line_id"),
        *at_least(0, "original_quantity", "extended_quantity", "returned_quantity", "damage_assessment"),
    )

    extension_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rental_extensions.id"))
    transaction_line_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_lines.id"))
    original_quantity: Mapped[Quantity]
    extended_quantity: Mapped[Quantity]
    returned_quantity: Mapped[Quantity] = mapped_column(default=Decimal(0))
    return_condition: Mapped[ReturnCondition | None]
    condition_notes: Mapped[str | None]
    damage_assessment: Mapped[Amount | None]
    item_new_end_date: Mapped[date | None]

    extension: Mapped[RentalExtension] = relationship(lazy="raise", back_populates="lines")
    transaction_line: Mapped["TransactionLine"] = relationship(lazy="raise")
