"""The tables of damage and its repair. Their columns were inferred from how production used them."""

import enum
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ...models import Amount, Audited, Model, Quantity, at_least, in_order, one_of

if TYPE_CHECKING:
    from ...catalog.models import Item, Location
    from ...parties.models import Supplier
    from .units import InventoryUnit


class DamageType(enum.StrEnum):
    """What kind of damage it is."""

    PHYSICAL = "PHYSICAL"
    WATER = "WATER"
    ELECTRICAL = "ELECTRICAL"
    WEAR_AND_TEAR = "WEAR_AND_TEAR"
    COSMETIC = "COSMETIC"
    FUNCTIONAL = "FUNCTIONAL"
    OTHER = "OTHER"


class DamageSeverity(enum.StrEnum):
    """How bad damage is."""

    MINOR = "MINOR"
    MODERATE = "MODERATE"
    SEVERE = "SEVERE"
    BEYOND_REPAIR = "BEYOND_REPAIR"


class RepairStatus(enum.StrEnum):
    """How far a repair has come."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class QualityCheckStatus(enum.StrEnum):
    """Whether a repaired unit was found good."""

    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"


class DamageAssessment(Audited, Model):
    """Damage found, what it is and whether it can be repaired.

    `location_id` is ours: stock is counted by item and location, and without a unit nothing else says where it lies.
    """

    __tablename__ = "damage_assessments"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"), *at_least(0, "estimated_repair_cost"))

    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"), index=True)
    inventory_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("inventory_units.id"), index=True)
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    quantity: Mapped[Quantity]
    damage_date: Mapped[datetime] = mapped_column(default=func.now())
    damage_type: Mapped[DamageType] = mapped_column(one_of(DamageType, 50))
    damage_severity: Mapped[DamageSeverity] = mapped_column(one_of(DamageSeverity))
    damage_description: Mapped[str | None]
    assessment_date: Mapped[datetime | None]
    assessed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    estimated_repair_cost: Mapped[Amount | None]
    repair_feasible: Mapped[bool] = mapped_column(default=True)
    transaction_header_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_headers.id"), index=True)
    transaction_line_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_lines.id"), index=True)
    notes: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)

    item: Mapped["Item"] = relationship(lazy="raise")
    inventory_unit: Mapped["InventoryUnit | None"] = relationship(lazy="raise")
    location: Mapped["Location | None"] = relationship(lazy="raise")
    repair_orders: Mapped[list["RepairOrder"]] = relationship(lazy="raise", back_populates="damage_assessment")


class RepairOrder(Audited, Model):
    """A repair of assessed damage, by us or by a vendor; it lies where the damage was assessed."""

    __tablename__ = "repair_orders"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        *at_least(0, "estimated_cost", "repair_cost"),
        in_order("repair_start_date", "repair_end_date"),
    )

    damage_assessment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("damage_assessments.id"), index=True)
    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id"), index=True)
    inventory_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("inventory_units.id"), index=True)
    quantity: Mapped[Quantity]
    repair_status: Mapped[RepairStatus] = mapped_column(one_of(RepairStatus), index=True, default=RepairStatus.PENDING)
    repair_vendor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("suppliers.id"))
    repair_start_date: Mapped[datetime | None]
    repair_end_date: Mapped[datetime | None]
    estimated_cost: Mapped[Amount | None]
    repair_cost: Mapped[Amount | None]
    repair_invoice_number: Mapped[str | None] = mapped_column(String(100))
    repair_notes: Mapped[str | None]
    quality_check_status: Mapped[QualityCheckStatus | None] = mapped_column(one_of(QualityCheckStatus))
    quality_check_date: Mapped[datetime | None]
    quality_check_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    is_active: Mapped[bool] = mapped_column(default=True)

    damage_assessment: Mapped[DamageAssessment] = relationship(lazy="raise", back_populates="repair_orders")
    item: Mapped["Item"] = relationship(lazy="raise")
    inventory_unit: Mapped["InventoryUnit | None"] = relationship(lazy="raise")
    repair_vendor: Mapped["Supplier | None"] = relationship(lazy="raise")
