"""How much of what is where, and each change of it."""

import enum
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ...models import Model, Quantity, Retirable, at_least, one_of

if TYPE_CHECKING:
    from ...catalog.models import Item, Location


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
