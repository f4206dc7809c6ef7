"""A transaction: its header, its lines, and what is told of both."""

import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship
from sqlalchemy.schema import conv

from ...catalog.models import Location
from ...models import Amount, Model, Price, Quantity, Retirable, at_least, in_order, trigrams
from .kinds import (
    LineItemType,
    PaymentMethod,
    PaymentStatus,
    RentalPeriodUnit,
    RentalStatus,
    TransactionStatus,
    TransactionType,
)

if TYPE_CHECKING:
    from ...catalog.models import Item
    from ...inventory.models import InventoryUnit
    from ...parties.models import Customer, Supplier
    from .events import TransactionEvent


class TransactionHeader(Retirable, Model):
    """A sale, purchase, rental, return or adjustment; the deposit is not part of the total."""

    __tablename__ = "transaction_headers"
    __table_args__ = (
        CheckConstraint("paid_amount <= total_amount", name=conv("transaction_headers_check")),
        CheckConstraint("paid_amount >= 0", name="paid_amount"),
        CheckConstraint("total_amount >= 0", name="total_amount"),
        *at_least(0, "subtotal", "discount_amount", "tax_amount", "shipping_amount", "deposit_amount"),
        *at_least(0, "extension_count", "total_extension_charges"),
        Index("idx_customer_id", "customer_id"),
        Index("idx_delivery_date", "delivery_date"),
        Index("idx_delivery_required", "delivery_required"),
        Index("idx_pickup_date", "pickup_date"),
        Index("idx_pickup_required", "pickup_required"),
        Index("idx_reference_transaction", "reference_transaction_id"),
        Index("idx_sales_person_id", "sales_person_id"),
        Index("idx_supplier_id", "supplier_id"),
        Index("idx_transaction_date", "transaction_date"),
        Index("idx_transaction_status", "status"),
        Index("ix_transaction_headers_newest", "transaction_type", "transaction_date", "id"),
    )

    transaction_number: Mapped[str] = mapped_column(String(50), unique=True)
    transaction_type: Mapped[TransactionType]
    status: Mapped[TransactionStatus] = mapped_column(default=TransactionStatus.PENDING)
    transaction_date: Mapped[datetime] = mapped_column(default=func.now())
    due_date: Mapped[date | None]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id"))
    supplier_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("suppliers.id"))
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"), index=True)
    sales_person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    currency: Mapped[str] = mapped_column(String(3), default="INR")
    subtotal: Mapped[Amount] = mapped_column(default=Decimal(0))
    discount_amount: Mapped[Amount] = mapped_column(default=Decimal(0))
    tax_amount: Mapped[Amount] = mapped_column(default=Decimal(0))
    shipping_amount: Mapped[Amount] = mapped_column(default=Decimal(0))
    total_amount: Mapped[Amount] = mapped_column(default=Decimal(0))
    paid_amount: Mapped[Amount] = mapped_column(default=Decimal(0))
    payment_status: Mapped[PaymentStatus | None]
    deposit_amount: Mapped[Amount | None]
    deposit_paid: Mapped[bool] = mapped_column(default=False)
    customer_advance_balance: Mapped[Amount] = mapped_column(default=Decimal(0))
    reference_transaction_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_headers.id"))
    notes: Mapped[str | None]
    reference_number: Mapped[str | None] = mapped_column(String(50))
    payment_method: Mapped[PaymentMethod | None]
    payment_reference: Mapped[str | None] = mapped_column(String(100))
    return_workflow_state: Mapped[str | None] = mapped_column(String(50))
    delivery_required: Mapped[bool] = mapped_column(default=False)
    delivery_address: Mapped[str | None]
    delivery_date: Mapped[date | None]
    delivery_time: Mapped[time | None]
    pickup_required: Mapped[bool] = mapped_column(default=False)
    pickup_date: Mapped[date | None]
    pickup_time: Mapped[time | None]
    extension_count: Mapped[int] = mapped_column(default=0)
    total_extension_charges: Mapped[Amount] = mapped_column(default=Decimal(0))

    lines: Mapped[list["TransactionLine"]] = relationship(
        lazy="raise", back_populates="header", order_by="TransactionLine.line_number"
    )
    customer: Mapped["Customer | None"] = relationship(lazy="raise")
    supplier: Mapped["Supplier | None"] = relationship(lazy="raise")
    location: Mapped["Location | None"] = relationship(lazy="raise")
    events: Mapped[list["TransactionEvent"]] = relationship(lazy="raise", order_by="TransactionEvent.event_timestamp")


trigrams("ix_transaction_headers_search", TransactionHeader.transaction_number)


class TransactionLine(Retirable, Model):
    """One position of a transaction."""

    __tablename__ = "transaction_lines"
    __table_args__ = (
        UniqueConstraint("transaction_header_id", "line_number"),
        CheckConstraint("unit_price >= 0", name="unit_price"),
        CheckConstraint("returned_quantity >= 0", name="returned_quantity"),
        CheckConstraint("tax_rate >= 0", name="tax_rate"),
        CheckConstraint("tax_rate <= 100", name="tax_rate_limit"),
        *at_least(0, "discount_amount", "tax_amount", "daily_rate"),
        in_order("rental_start_date", "rental_end_date"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("returned_quantity <= quantity", name=conv("transaction_lines_check")),
        CheckConstraint("discount_percent >= 0 AND discount_percent <= 100", name="discount_percent"),
        Index("idx_fulfillment_status", "fulfillment_status"),
        Index("idx_inventory_unit_id", "inventory_unit_id"),
        Index("idx_item_id", "item_id"),
        Index("idx_rental_dates", "rental_start_date", "rental_end_date"),
        Index("idx_rental_status", "current_rental_status"),
        Index("idx_sku", "sku"),
        Index("idx_status", "status"),
    )

    transaction_header_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"))
    line_number: Mapped[int]
    line_type: Mapped[LineItemType] = mapped_column(default=LineItemType.PRODUCT)
    item_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("items.id"))
    inventory_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("inventory_units.id"))
    sku: Mapped[str | None] = mapped_column(String(100))
    description: Mapped[str]
    category: Mapped[str | None] = mapped_column(String(100))
    quantity: Mapped[Quantity]
    unit_of_measure: Mapped[str | None] = mapped_column(String(20))
    unit_price: Mapped[Price]
    total_price: Mapped[Price] = mapped_column(default=Decimal(0))
    discount_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    discount_amount: Mapped[Price] = mapped_column(default=Decimal(0))
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2), default=Decimal(0))
    tax_amount: Mapped[Price] = mapped_column(default=Decimal(0))
    line_total: Mapped[Price] = mapped_column(default=Decimal(0))
    rental_start_date: Mapped[date | None]
    rental_end_date: Mapped[date | None]
    rental_period: Mapped[int | None]
    rental_period_unit: Mapped[RentalPeriodUnit | None]
    current_rental_status: Mapped[RentalStatus | None]
    daily_rate: Mapped[Price | None]
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    warehouse_location: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(20), default="PENDING")
    fulfillment_status: Mapped[str] = mapped_column(String(20), default="PENDING")
    returned_quantity: Mapped[Quantity] = mapped_column(default=Decimal(0))
    return_date: Mapped[date | None]
    notes: Mapped[str | None]
    return_condition: Mapped[str | None] = mapped_column(String(1))
    return_to_stock: Mapped[bool | None]
    inspection_status: Mapped[str | None] = mapped_column(String(20))

    header: Mapped[TransactionHeader] = relationship(lazy="raise", back_populates="lines")
    item: Mapped["Item | None"] = relationship(lazy="raise")
    inventory_unit: Mapped["InventoryUnit | None"] = relationship(lazy="raise")
    location: Mapped["Location | None"] = relationship(lazy="raise")


TransactionHeader.items_count = column_property(
    select(func.count(TransactionLine.id))
    .where(TransactionLine.transaction_header_id == TransactionHeader.id, TransactionLine.is_active)
    .correlate_except(TransactionLine)
    .scalar_subquery(),
    deferred=True,
)

TransactionHeader.location_name = column_property(
    select(Location.location_name)
    .where(Location.id == TransactionHeader.location_id)
    .correlate_except(Location)
    .scalar_subquery(),
    deferred=True,
)


class TransactionMetadata(Retirable, Model):
    """What else is known of a transaction, by kind: a purchase return, for example."""

    __tablename__ = "transaction_metadata"
    __table_args__ = (
        Index("idx_transaction_metadata_txn_id", "transaction_id"),
        Index("idx_transaction_metadata_type", "metadata_type"),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"))
    metadata_type: Mapped[str] = mapped_column(String(50))
    metadata_content: Mapped[dict[str, Any]] = mapped_column(JSONB)
