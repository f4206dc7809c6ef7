"""The rules of customers (business rules B.1, H)."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ..errors import AppError, Invalid, NotFound
from .models import BlacklistStatus, Customer, CustomerStatus, CustomerType


class CustomerCodeTaken(AppError):
    """Another customer has the code (400: only then does the frontend mark the field)."""

    status, code, title = 400, "customer_code_taken", "Customer code taken"


def find(session: Session, id: uuid.UUID) -> Customer:
    """Return a customer for a change, or raise `NotFound`; it stays locked until the transaction ends."""
    customer = session.get(Customer, id, with_for_update=True)
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer


def create(session: Session, actor: str, fields: dict[str, Any]) -> Customer:
    """Create a customer. Raises `Invalid` if he has no name, `CustomerCodeTaken` if the code is in use."""
    customer = Customer(**fields)
    _require_name(customer)
    defaults = {"is_active": True, "created_by": actor, "updated_by": actor}
    made = session.scalars(
        insert(Customer)
        .values(**fields, **defaults)
        .on_conflict_do_nothing(index_elements=["customer_code"])
        .returning(Customer)
    ).one_or_none()
    if made is None:
        raise CustomerCodeTaken(f"The customer_code {customer.customer_code} is already in use.")
    return made


def change(customer: Customer, actor: str, fields: dict[str, Any]) -> Customer:
    """Change what is given and leave the rest."""
    for name, value in fields.items():
        setattr(customer, name, value)
    _require_name(customer)
    customer.updated_by = actor
    return customer


def blacklist(customer: Customer, actor: str, status: BlacklistStatus, notes: str | None = None) -> Customer:
    """Warn about a customer, refuse to rent to him, or clear him; notes are added to what is there."""
    return change(customer, actor, {"blacklist_status": status, "notes": _noted(customer, notes)})


def set_status(customer: Customer, actor: str, status: CustomerStatus, notes: str | None = None) -> Customer:
    """Change whether business is done with a customer; notes are added to what is there."""
    return change(customer, actor, {"status": status, "notes": _noted(customer, notes)})


def retire(customer: Customer, actor: str) -> None:
    """Take a customer out of the lists; nothing is deleted."""
    if customer.is_active:
        customer.is_active = False
        customer.deleted_at, customer.deleted_by = datetime.now(UTC), actor
        customer.updated_by = actor


def _require_name(customer: Customer) -> None:
    """An individual needs first and last name, a business its business name."""
    wanted = ("business_name",) if customer.customer_type is CustomerType.BUSINESS else ("first_name", "last_name")
    missing = {name: ["Required for this type of customer."] for name in wanted if not getattr(customer, name)}
    if missing:
        raise Invalid(missing)


def _noted(customer: Customer, notes: str | None) -> str | None:
    return "\n".join(filter(None, (customer.notes, notes))) or None
