"""The rules of suppliers (BR-B2)."""

from decimal import Decimal
from typing import TypedDict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ... import crud as records
from ..customers.service import noted
from ..models import Supplier, SupplierStatus


class StatusValues(TypedDict, total=False):
    """Whether business is done with a supplier: a status, or only whether the supplier is active."""

    is_active: bool
    status: SupplierStatus
    notes: str | None


class PerformanceValues(TypedDict, total=False):
    """The performance figures of a supplier; a correction holds only what it corrects."""

    total_orders: int
    total_spend: Decimal
    average_delivery_days: int
    quality_rating: Decimal
    delivery_rating: Decimal


def counts(session: Session) -> dict[str, int]:
    """Return how many suppliers there are, and how many of them are active."""
    total, active = session.execute(select(func.count(), func.count().filter(Supplier.is_active))).one()
    return {"total_suppliers": total, "active_suppliers": active}


def set_status(supplier: Supplier, actor: str, fields: StatusValues) -> Supplier:
    """Change whether business is done with a supplier. Without a status it follows from `is_active`."""
    implied = SupplierStatus.ACTIVE if fields.get("is_active") else SupplierStatus.INACTIVE
    return records.change(
        supplier, actor, {"status": implied, **fields, "notes": noted(supplier.notes, fields.get("notes"))}
    )
