"""The rules of suppliers (BR-B2)."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ... import crud as records
from ..customers.service import noted
from ..models import Supplier, SupplierStatus


def counts(session: Session) -> dict[str, int]:
    """Return how many suppliers there are, and how many of them are active."""
    total, active = session.execute(select(func.count(), func.count().filter(Supplier.is_active))).one()
    return {"total_suppliers": total, "active_suppliers": active}


def set_status(
    supplier: Supplier,
    actor: str,
    *,
    is_active: bool | None = None,
    status: SupplierStatus | None = None,
    notes: str | None = None,
) -> Supplier:
    """Change whether business is done with a supplier. Without a status it follows from whether he is active."""
    if status is None:
        status = SupplierStatus.ACTIVE if is_active else SupplierStatus.INACTIVE
    changes = {"status": status, "notes": noted(supplier.notes, notes)}
    return records.change(supplier, actor, changes if is_active is None else {**changes, "is_active": is_active})
