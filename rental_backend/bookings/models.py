"""The tables of bookings."""

import enum
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Amount, Model, Quantity, Retirable, at_least, in_order

if TYPE_CHECKING:
    from ..catalog.models import Item, Location
    from ..parties.models import Customer


class BookingStatus(enum.StrEnum):
    """How far a booking has come; CONVERTED ones have become rentals."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    CONVERTED = "CONVERTED"


class BookingHeader(Retirable, Model):
    """What a customer wants to rent later; it holds no stock before it is converted into a rental."""

    __tablename__ = "booking_headers"
    __table_args__ = (
        Index("idx_booking_header_customer", "customer_id"),
        Index("idx_booking_header_dates", "start_date", "end_date"),
        Index("idx_booking_header_location", "location_id"),
        *at_least(0, "total_items", "estimated_subtotal", "estimated_tax", "estimated_total", "deposit_required"),
        in_order("start_date", "end_date"),
        Index("idx_booking_header_status", "booking_status"),
    )

    booking_reference: Mapped[str] = mapped_column(String(50), unique=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("locations.id"))
    booking_date: Mapped[date]
    start_date: Mapped[date]
    end_date: Mapped[date]
    booking_status: Mapped[BookingStatus] = mapped_column(default=BookingStatus.PENDING)
    total_items: Mapped[int] = mapped_column(default=0)
    estimated_subtotal: Mapped[Amount | None]
    estimated_tax: Mapped[Amount | None]
    estimated_total: Mapped[Amount | None]
    deposit_required: Mapped[Amount | None]
    deposit_paid: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[str | None]
    converted_rental_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_headers.id"), index=True)
    cancelled_reason: Mapped[str | None]
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    lines: Mapped[list["BookingLine"]] = relationship(
        lazy="raise", back_populates="header", order_by="BookingLine.line_number"
    )
    customer: Mapped["Customer"] = relationship(lazy="raise")
    location: Mapped["Location"] = relationship(lazy="raise")


class BookingLine(Retirable, Model):
    """One item of a booking."""

    __tablename__ = "booking_lines"
    __table_args__ = (
        UniqueConstraint("booking_header_id", "line_number"),
        CheckConstraint("quantity_reserved > 0", name="quantity_reserved"),
        *at_least(1, "rental_period"),
        *at_least(0, "unit_rate", "discount_amount"),
        Index("idx_booking_line_item", "item_id"),
    )

    booking_header_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("booking_headers.id", ondelete="CASCADE"))
    line_number: Mapped[int]
    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"))
    quantity_reserved: Mapped[Quantity]
    rental_period: Mapped[int] = mapped_column(default=1)
    rental_period_unit: Mapped[str] = mapped_column(String(20))
    unit_rate: Mapped[Amount]
    discount_amount: Mapped[Amount | None]
    line_total: Mapped[Amount | None]
    notes: Mapped[str | None]

    header: Mapped[BookingHeader] = relationship(lazy="raise", back_populates="lines")
    item: Mapped["Item"] = relationship(lazy="raise")
