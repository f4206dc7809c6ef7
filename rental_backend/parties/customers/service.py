"""The rules of customers (BR-B1, BR-E1)."""

from decimal import Decimal
from typing import TypedDict, cast

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ... import crud as records
from ...errors import AppError, Invalid
from ..models import BlacklistStatus, Customer, CustomerStatus, CustomerTier, CustomerType

_table = cast(Table, Customer.__table__)
_NEW = insert(_table).on_conflict_do_nothing(index_elements=["customer_code"]).returning(_table.c.id)


class CustomerValues(TypedDict, total=False):
    """What can be said of a customer; a change holds only what it changes."""

    customer_code: str
    customer_type: CustomerType
    business_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    mobile: str | None
    address_line1: str | None
    address_line2: str | None
    city: str | None
    state: str | None
    country: str | None
    postal_code: str | None
    tax_number: str | None
    payment_terms: str | None
    customer_tier: CustomerTier
    credit_limit: Decimal
    notes: str | None


class CustomerCodeTaken(AppError):
    """Another customer has the code (400: only then does the frontend mark the field)."""

    status, code, title = 400, "customer_code_taken", "Customer code taken"


def create(session: Session, actor: str, fields: CustomerValues) -> Customer:
    """Store a customer, and return what was said of them with their id: the rest is read where it is wanted.

    Raises `Invalid` if they have no name, `CustomerCodeTaken` if the code is in use.
    """
    customer = Customer(**fields, is_active=True, created_by=actor, updated_by=actor)
    _require_name(customer)
    made = session.execute(_NEW, {**fields, "is_active": True, "created_by": actor, "updated_by": actor}).scalar()
    if made is None:
        raise CustomerCodeTaken(f"The customer_code {customer.customer_code} is already in use.")
    customer.id = made
    return customer


def change(_: Session, customer: Customer, actor: str, fields: CustomerValues) -> Customer:
    """Change what is given and leave the rest. Raises `Invalid` if they would have no name."""
    records.change(customer, actor, fields)
    _require_name(customer)
    return customer


def blacklist(customer: Customer, actor: str, status: BlacklistStatus, notes: str | None = None) -> Customer:
    """Warn about a customer, refuse to rent to them, or clear them; notes are added to what is there."""
    return records.change(customer, actor, {"blacklist_status": status, "notes": noted(customer.notes, notes)})


def set_status(customer: Customer, actor: str, status: CustomerStatus, notes: str | None = None) -> Customer:
    """Change whether business is done with a customer; notes are added to what is there."""
    return records.change(customer, actor, {"status": status, "notes": noted(customer.notes, notes)})


# D10: a customer needs little.
def _require_name(customer: Customer) -> None:
    """A business needs its business name, a person a first or a last name: not everybody has both."""
    wanted = ("business_name",) if customer.customer_type is CustomerType.BUSINESS else ("first_name", "last_name")
    if not any(getattr(customer, name) for name in wanted):
        raise Invalid({name: [f"A customer of this type needs {' or '.join(wanted)}."] for name in wanted})


def noted(notes: str | None, more: str | None) -> str | None:
    """Return notes with a paragraph more, if there is one."""
    return "\n".join(filter(None, (notes, more))) or None
