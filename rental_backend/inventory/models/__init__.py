"""The tables of units and stock."""

from .blocks import BlockedEntity, RentalBlock
from .damage import DamageAssessment, DamageSeverity, DamageType, QualityCheckStatus, RepairOrder, RepairStatus
from .holds import IN_FORCE, HoldKind, UnitHold
from .stock import STOCK, MovementType, StockLevel, StockMovement
from .units import InventoryUnit, UnitCondition, UnitStatus

__all__ = [
    "IN_FORCE",
    "STOCK",
    "BlockedEntity",
    "DamageAssessment",
    "DamageSeverity",
    "DamageType",
    "HoldKind",
    "InventoryUnit",
    "MovementType",
    "QualityCheckStatus",
    "RentalBlock",
    "RepairOrder",
    "RepairStatus",
    "StockLevel",
    "StockMovement",
    "UnitCondition",
    "UnitHold",
    "UnitStatus",
]
