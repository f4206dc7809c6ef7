"""Units: single pieces, and batches of them."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ...models import Model, Price, Quantity, Retirable, at_least, one_of

if TYPE_CHECKING:
    from ...catalog.models import Item, Location


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


class InventoryUnit(Retirable, Model):
    """One piece with a serial number, or a batch of `quantity` pieces; its prices override the item's."""

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
