"""The tables of units and stock."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Model, Price, Quantity, Retirable, at_least, one_of
from . import damage, holds  # noqa: F401  they add their tables

if TYPE_CHECKING:
    from ..catalog.models import Item, Location


class UnitStatus(enum.StrEnum):
    """Where a unit is in its life; only AVAILABLE ones can be rented or sold."""

    AVAILABLE = "AVAILABLE"
    RENTED = "RENTED"
    SOLD = "SOLD"
    MAINTENANCE = "MAINTENANCE"
    DAMAGED = "DAMAGED"
    UNDER_REPAIR = "UNDER_REPAIR"
    BEYOND_REPAIR = "BEYOND_REPAIR"
    RETIRED = "RETIRED"


class UnitCondition(enum.StrEnum):
    """How good a unit is."""

    NEW = "NEW"
    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"
    DAMAGED = "DAMAGED"


class MovementType(enum.StrEnum):
    """Why stock changed; on the wire each has the prefix STOCK_MOVEMENT_, which production does not store."""

    PURCHASE = "PURCHASE"
    PURCHASE_RETURN = "PURCHASE_RETURN"
    SALE = "SALE"
    SALE_RETURN = "SALE_RETURN"
    RENTAL_OUT = "RENTAL_OUT"
    RENTAL_RETURN = "RENTAL_RETURN"
    RENTAL_RETURN_DAMAGED = "RENTAL_RETURN_DAMAGED"
    RENTAL_RETURN_MIXED = "RENTAL_RETURN_MIXED"
    DAMAGE_ASSESSMENT = "DAMAGE_ASSESSMENT"
    SENT_FOR_REPAIR = "SENT_FOR_REPAIR"
    REPAIR_COMPLETED = "REPAIR_COMPLETED"
    WRITE_OFF = "WRITE_OFF"
    ADJUSTMENT_POSITIVE = "ADJUSTMENT_POSITIVE"
    ADJUSTMENT_NEGATIVE = "ADJUSTMENT_NEGATIVE"
    TRANSFER_IN = "TRANSFER_IN"
    TRANSFER_OUT = "TRANSFER_OUT"
    RESERVATION_EXTENDED = "RESERVATION_EXTENDED"
    DAMAGE_LOSS = "DAMAGE_LOSS"
    THEFT_LOSS = "THEFT_LOSS"
    SYSTEM_CORRECTION = "SYSTEM_CORRECTION"


class BlockedEntity(enum.StrEnum):
    """What was blocked from renting."""

    ITEM = "ITEM"
    CUSTOMER = "CUSTOMER"
    INVENTORY_UNIT = "INVENTORY_UNIT"


class InventoryUnit(Retirable, Model):
    """One piece with a serial number, or a batch of `quantity` pieces; its prices override those of the item."""

    __tablename__ = "inventory_units"
    __table_args__ = (
        Index("idx_inv_condition", "condition"),
        Index("idx_inv_item", "item_id"),
        Index("idx_inv_location", "location_id"),
        Index(
            "uq_inventory_units_serial_number",
            "serial_number",
            unique=True,
            postgresql_where=text("serial_number <> ''"),
        ),
        Index("idx_inv_status", "status"),
        *at_least(0, "quantity", "purchase_price", "sale_price", "security_deposit", "rental_rate_per_period"),
        *at_least(0, "warranty_period_days"),
        *at_least(1, "rental_period"),
        CheckConstraint("serial_number = '' OR batch_code = ''", name="batch_code"),
    )

    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("locations.id"))
    sku: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    serial_number: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[UnitStatus] = mapped_column(one_of(UnitStatus), default=UnitStatus.AVAILABLE)
    condition: Mapped[UnitCondition] = mapped_column(one_of(UnitCondition), default=UnitCondition.NEW)
    purchase_date: Mapped[datetime | None]
    purchase_price: Mapped[Price] = mapped_column(default=Decimal(0))
    warranty_expiry: Mapped[datetime | None]
    last_maintenance_date: Mapped[datetime | None]
    next_maintenance_date: Mapped[datetime | None]
    notes: Mapped[str | None]
    sale_price: Mapped[Price | None]
    security_deposit: Mapped[Price] = mapped_column(default=Decimal(0))
    rental_rate_per_period: Mapped[Price | None]
    rental_period: Mapped[int] = mapped_column(default=1)
    model_number: Mapped[str | None] = mapped_column(String(100))
    warranty_period_days: Mapped[int] = mapped_column(default=0)
    batch_code: Mapped[str | None] = mapped_column(String(50))
    quantity: Mapped[Quantity] = mapped_column(default=Decimal(1))
    remarks: Mapped[str | None]
    is_rental_blocked: Mapped[bool] = mapped_column(default=False)
    rental_block_reason: Mapped[str | None]
    rental_blocked_at: Mapped[datetime | None]
    rental_blocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    item: Mapped["Item"] = relationship(lazy="raise")
    location: Mapped["Location"] = relationship(lazy="raise")


STOCK = (
    "quantity_available",
    "quantity_on_rent",
    "quantity_damaged",
    "quantity_under_repair",
    "quantity_beyond_repair",
)


class StockLevel(Retirable, Model):
    """How much of an item is at a location; on hand is the sum of the other quantities."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        *at_least(0, *STOCK),
        CheckConstraint(f"quantity_on_hand = {' + '.join(STOCK)}", name="quantity_on_hand"),
        Index("idx_sl_item_location", "item_id", "location_id", unique=True),
        Index("idx_sl_location", "location_id"),
    )

    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("locations.id"))
    quantity_on_hand: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_available: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_on_rent: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_damaged: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_under_repair: Mapped[Quantity] = mapped_column(default=Decimal(0))
    quantity_beyond_repair: Mapped[Quantity] = mapped_column(default=Decimal(0))

    item: Mapped["Item"] = relationship(lazy="raise")
    location: Mapped["Location"] = relationship(lazy="raise")


class StockMovement(Retirable, Model):
    """One change of stock: before + change = after."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        Index("idx_sm_created", "created_at"),
        *at_least(0, "quantity_before"),
        CheckConstraint(
            "quantity_after >= 0 AND quantity_after = quantity_before + quantity_change", name="quantity_after"
        ),
        Index("idx_sm_item_created", "item_id", "created_at"),
        Index("idx_sm_location", "location_id"),
        Index("idx_sm_stock_created", "stock_level_id", "created_at"),
        Index("idx_sm_type", "movement_type"),
    )

    stock_level_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stock_levels.id"))
    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("locations.id"))
    transaction_header_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_headers.id"), index=True)
    transaction_line_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_lines.id"), index=True)
    movement_type: Mapped[MovementType] = mapped_column(one_of(MovementType, 21))
    quantity_change: Mapped[Quantity]
    quantity_before: Mapped[Quantity]
    quantity_after: Mapped[Quantity]

    item: Mapped["Item"] = relationship(lazy="raise")
    location: Mapped["Location"] = relationship(lazy="raise")


class RentalBlock(Retirable, Model):
    """One blocking or unblocking of an item or a unit."""

    __tablename__ = "rental_block_history"

    entity_type: Mapped[BlockedEntity] = mapped_column(one_of(BlockedEntity, 50), index=True)
    entity_id: Mapped[uuid.UUID] = mapped_column(index=True)
    is_blocked: Mapped[bool]
    block_reason: Mapped[str | None]
    blocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    blocked_at: Mapped[datetime | None]
    unblocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    unblocked_at: Mapped[datetime | None]
    unblock_reason: Mapped[str | None]
    notes: Mapped[str | None]
