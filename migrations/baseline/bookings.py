"""Bookings."""

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)

from .parts import enumerated, optional, required, retirable, table

table(
    "booking_headers",
    required("booking_reference", String(50)),
    required("customer_id", Uuid, ForeignKey("customers.id")),
    required("location_id", Uuid, ForeignKey("locations.id")),
    required("booking_date", Date),
    required("start_date", Date),
    required("end_date", Date),
    required("booking_status", enumerated("bookingstatus")),
    required("total_items", Integer),
    optional("estimated_subtotal", Numeric(15, 2)),
    optional("estimated_tax", Numeric(15, 2)),
    optional("estimated_total", Numeric(15, 2)),
    optional("deposit_required", Numeric(15, 2)),
    required("deposit_paid", Boolean),
    optional("notes", Text),
    optional("converted_rental_id", Uuid, ForeignKey("transaction_headers.id")),
    optional("cancelled_reason", Text),
    optional("cancelled_at", DateTime),
    optional("cancelled_by", Uuid, ForeignKey("users.id")),
    *retirable("booking_headers"),
    UniqueConstraint("booking_reference"),
    Index("idx_booking_header_customer", "customer_id"),
    Index("idx_booking_header_dates", "start_date", "end_date"),
    Index("idx_booking_header_location", "location_id"),
    Index("idx_booking_header_reference", "booking_reference"),
    Index("idx_booking_header_status", "booking_status"),
)

table(
    "booking_lines",
    required("booking_header_id", Uuid, ForeignKey("booking_headers.id", ondelete="CASCADE")),
    required("line_number", Integer),
    required("item_id", Uuid, ForeignKey("items.id")),
    required("quantity_reserved", Numeric(10, 2)),
    required("rental_period", Integer),
    required("rental_period_unit", String(20)),
    required("unit_rate", Numeric(15, 2)),
    optional("discount_amount", Numeric(15, 2)),
    optional("line_total", Numeric(15, 2)),
    optional("notes", Text),
    *retirable("booking_lines"),
    UniqueConstraint("booking_header_id", "line_number"),
    Index("idx_booking_line_header", "booking_header_id"),
    Index("idx_booking_line_item", "item_id"),
)
