"""A rental from handing over to return, and what was found when it came back."""

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ...models import Amount, Audited, Model, Price, Quantity, Retirable, at_least, one_of
from ...transactions.models import RentalStatus

if TYPE_CHECKING:
    from ...transactions.models import TransactionHeader, TransactionLine


class ReturnCondition(enum.StrEnum):
    """How something came back."""

    GOOD = "GOOD"
    DAMAGED = "DAMAGED"
    BEYOND_REPAIR = "BEYOND_REPAIR"


class ReturnEventType(enum.StrEnum):
    """What happened to a rental."""

    PARTIAL_RETURN = "PARTIAL_RETURN"
    FULL_RETURN = "FULL_RETURN"
    EXTENSION = "EXTENSION"
    STATUS_CHANGE = "STATUS_CHANGE"


class InspectedCondition(enum.StrEnum):
    """What an inspection found."""

    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"
    DAMAGED = "DAMAGED"


class RentalLifecycle(Retirable, Model):
    """How far a rental has come, and the fees it has gathered."""

    __tablename__ = "rental_lifecycles"
    __table_args__ = (
        Index("idx_lifecycle_expected_return", "expected_return_date"),
        Index("idx_lifecycle_status", "current_status"),
        *at_least(0, "total_returned_quantity", "total_late_fees", "total_damage_fees", "total_other_fees"),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"), unique=True)
    current_status: Mapped[RentalStatus] = mapped_column(
        one_of(RentalStatus, 30), default=RentalStatus.RENTAL_INPROGRESS
    )
    last_status_change: Mapped[datetime] = mapped_column(default=func.now())
    status_changed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    total_returned_quantity: Mapped[Quantity] = mapped_column(default=Decimal(0))
    expected_return_date: Mapped[date | None]
    total_late_fees: Mapped[Amount] = mapped_column(default=Decimal(0))
    total_damage_fees: Mapped[Amount] = mapped_column(default=Decimal(0))
    total_other_fees: Mapped[Amount] = mapped_column(default=Decimal(0))
    notes: Mapped[str | None]

    rental: Mapped["TransactionHeader"] = relationship(lazy="raise")
    return_events: Mapped[list["RentalReturnEvent"]] = relationship(lazy="raise", back_populates="lifecycle")


class RentalReturnEvent(Retirable, Model):
    """A return, extension or change of status of a rental, and the money that changed hands."""

    __tablename__ = "rental_return_events"
    __table_args__ = (
        Index("idx_return_event_date", "event_date"),
        Index("idx_return_event_lifecycle", "rental_lifecycle_id"),
        Index("idx_return_event_processed", "processed_at"),
        Index("idx_return_event_type", "event_type"),
        *at_least(0, "total_quantity_returned", "late_fees_charged", "damage_fees_charged", "other_fees_charged"),
        *at_least(0, "payment_collected", "refund_issued"),
    )

    rental_lifecycle_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rental_lifecycles.id"))
    event_type: Mapped[ReturnEventType] = mapped_column(one_of(ReturnEventType))
    event_date: Mapped[date]
    processed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    processed_at: Mapped[datetime] = mapped_column(default=func.now())
    items_returned: Mapped[list[Any] | None]
    total_quantity_returned: Mapped[Quantity] = mapped_column(default=Decimal(0))
    late_fees_charged: Mapped[Amount] = mapped_column(default=Decimal(0))
    damage_fees_charged: Mapped[Amount] = mapped_column(default=Decimal(0))
    other_fees_charged: Mapped[Amount] = mapped_column(default=Decimal(0))
    payment_collected: Mapped[Amount] = mapped_column(default=Decimal(0))
    refund_issued: Mapped[Amount] = mapped_column(default=Decimal(0))
    new_return_date: Mapped[date | None]
    extension_reason: Mapped[str | None] = mapped_column(String(200))
    notes: Mapped[str | None]
    receipt_number: Mapped[str | None] = mapped_column(String(50))

    lifecycle: Mapped[RentalLifecycle] = relationship(lazy="raise", back_populates="return_events")
    inspections: Mapped[list["RentalItemInspection"]] = relationship(lazy="raise", back_populates="return_event")


class ReturnLineDetail(Audited, Model):
    """How the pieces of one line came back.

    Its columns were inferred from how production used it. `return_event_id` is ours: a line may come back in parts, and
    the history of a rental is told by return.
    """

    __tablename__ = "return_line_details"
    __table_args__ = (
        *at_least(0, "quantity_returned_good", "quantity_returned_damaged", "quantity_returned_beyond_repair"),
        *at_least(0, "quantity_lost", "damage_charges", "lost_item_charges"),
    )

    transaction_line_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_lines.id"), index=True)
    return_event_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("rental_return_events.id"), index=True)
    return_date: Mapped[datetime] = mapped_column(index=True, default=func.now())
    quantity_returned_good: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_returned_damaged: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_returned_beyond_repair: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_lost: Mapped[Quantity] = mapped_column(default=Decimal(0))
    damage_charges: Mapped[Amount] = mapped_column(default=Decimal(0))
    lost_item_charges: Mapped[Amount] = mapped_column(default=Decimal(0))
    notes: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)

    transaction_line: Mapped["TransactionLine"] = relationship(lazy="raise")


class RentalItemInspection(Retirable, Model):
    """What was found on the pieces of one returned line."""

    __tablename__ = "rental_item_inspections"
    __table_args__ = (
        Index("idx_inspection_condition", "condition"),
        Index("idx_inspection_damage", "has_damage"),
        Index("idx_inspection_return_event", "return_event_id"),
        Index("idx_inspection_transaction_line", "transaction_line_id"),
        *at_least(0, "quantity_inspected", "damage_fee_assessed", "cleaning_fee_assessed", "replacement_cost"),
    )

    return_event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rental_return_events.id"))
    transaction_line_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_lines.id"))
    quantity_inspected: Mapped[Quantity]
    condition: Mapped[InspectedCondition] = mapped_column(one_of(InspectedCondition))
    inspected_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    inspected_at: Mapped[datetime] = mapped_column(default=func.now())
    has_damage: Mapped[bool] = mapped_column(default=False)
    damage_description: Mapped[str | None]
    damage_photos: Mapped[list[Any] | None]
    damage_fee_assessed: Mapped[Amount] = mapped_column(default=Decimal(0))
    cleaning_fee_assessed: Mapped[Amount] = mapped_column(default=Decimal(0))
    replacement_required: Mapped[bool] = mapped_column(default=False)
    replacement_cost: Mapped[Amount | None]
    return_to_stock: Mapped[bool] = mapped_column(default=True)
    stock_location: Mapped[str | None] = mapped_column(String(100))
    inspection_notes: Mapped[str | None]

    return_event: Mapped[RentalReturnEvent] = relationship(lazy="raise", back_populates="inspections")
    transaction_line: Mapped["TransactionLine"] = relationship(lazy="raise")


class RentalInspection(Retirable, Model):
    """What was found on a return as a whole, and what is kept of the deposit."""

    __tablename__ = "rental_inspections"
    __table_args__ = at_least(
        0, "total_repair_cost", "total_cleaning_cost", "total_deductions", "deposit_refund_amount"
    )

    return_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"), index=True)
    inspector_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    inspection_date: Mapped[datetime] = mapped_column(default=func.now())
    overall_condition: Mapped[InspectedCondition] = mapped_column(one_of(InspectedCondition))
    inspection_passed: Mapped[bool] = mapped_column(default=True)
    total_repair_cost: Mapped[Price] = mapped_column(default=Decimal(0))
    total_cleaning_cost: Mapped[Price] = mapped_column(default=Decimal(0))
    total_deductions: Mapped[Price] = mapped_column(default=Decimal(0))
    deposit_refund_amount: Mapped[Price] = mapped_column(default=Decimal(0))
    general_notes: Mapped[str | None]
    customer_notification_required: Mapped[bool] = mapped_column(default=False)
    follow_up_actions: Mapped[list[Any] | None]
    line_inspections: Mapped[list[Any]]
