"""Customers."""

import uuid
from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ..infra.dependencies import AUTH, DATABASE, REDIS
from ..web import projection
from ..web.contracts import endpoint
from ..web.needs import Needs
from ..web.principal import Principal
from ..web.projection import Listing, Page
from . import service
from .models import CUSTOMER_SEARCH, BlacklistStatus, Customer, CustomerStatus
from .schemas import (
    BlacklistAction,
    BlacklistChange,
    CustomerChange,
    CustomerQuery,
    CustomerSchema,
    CustomerSearch,
    NewCustomer,
    StatusChange,
)

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,))  # refuse rather than guess

CUSTOMERS = Listing(
    Customer,
    CustomerSchema,
    order=(Customer.created_at.desc(), Customer.id.desc()),
    search=CUSTOMER_SEARCH,
    filters={
        "customer_type": Customer.customer_type.__eq__,
        "customer_tier": Customer.customer_tier.__eq__,
        "status": Customer.status.__eq__,
        "blacklist_status": Customer.blacklist_status.__eq__,
        "is_active": Customer.is_active.__eq__,
    },
)

bp = Blueprint("customers", __name__, url_prefix="/api/customers")


@bp.get("/")
@endpoint(
    needs=BROWSE,
    permission="CUSTOMER_VIEW",
    query=CustomerQuery(),
    returns=CustomerSchema(many=True),
    warm=({"status": "ACTIVE", "limit": "100"}, {"skip": "0", "limit": "100"}),
)
def browse(session: Session, **filters: Any) -> Page:
    """Return customers, newest first."""
    return CUSTOMERS.page(session, filters)


@bp.get("/search")
@endpoint(needs=BROWSE, permission="CUSTOMER_VIEW", query=CustomerSearch(), returns=CustomerSchema(many=True))
def search(session: Session, search_term: str, **filters: Any) -> Page:
    """Return customers whose name, code, address or number contains a text."""
    return CUSTOMERS.page(session, {**filters, "search": search_term})


@bp.get("/<uuid:id>")
@endpoint(needs=BROWSE, permission="CUSTOMER_VIEW", returns=CustomerSchema())
def show(session: Session, id: uuid.UUID) -> bytes:
    """Return one customer, retired ones too."""
    return projection.one(session, CustomerSchema, Customer, id)


@bp.post("/")
@endpoint(needs=CHANGE, permission="CUSTOMER_CREATE", accepts=NewCustomer(), returns=CustomerSchema(), status=201)
def create(session: Session, principal: Principal, **fields: Any) -> Customer:
    """Create a customer; a code in use is 400 and names `customer_code`."""
    return service.create(session, principal.username, fields)


@bp.put("/<uuid:id>")
@endpoint(needs=CHANGE, permission="CUSTOMER_UPDATE", accepts=CustomerChange(), returns=CustomerSchema())
def change(session: Session, principal: Principal, id: uuid.UUID, **fields: Any) -> Customer:
    """Change what is sent and leave the rest."""
    return service.change(service.find(session, id), principal.username, fields)


@bp.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission="CUSTOMER_DELETE")
def retire(session: Session, principal: Principal, id: uuid.UUID) -> None:
    """Take a customer out of the lists; nothing is deleted."""
    service.retire(service.find(session, id), principal.username)


@bp.post("/<uuid:id>/blacklist")
@endpoint(needs=CHANGE, permission="CUSTOMER_BLACKLIST", accepts=BlacklistAction(), returns=CustomerSchema())
def blacklist(session: Session, principal: Principal, id: uuid.UUID, action: str) -> Customer:
    """Refuse to rent to a customer, or clear him."""
    status = BlacklistStatus.BLACKLISTED if action == "blacklist" else BlacklistStatus.CLEAR
    return service.blacklist(service.find(session, id), principal.username, status)


@bp.put("/<uuid:id>/blacklist")
@endpoint(needs=CHANGE, permission="CUSTOMER_BLACKLIST", accepts=BlacklistChange(), returns=CustomerSchema())
def set_blacklist(
    session: Session,
    principal: Principal,
    id: uuid.UUID,
    blacklist_status: BlacklistStatus,
    blacklist_reason: str | None = None,
    notes: str | None = None,
) -> Customer:
    """Set the blacklist status with a reason, which is added to the notes."""
    said = "\n".join(filter(None, (blacklist_reason, notes))) or None
    return service.blacklist(service.find(session, id), principal.username, blacklist_status, said)


@bp.put("/<uuid:id>/status")
@endpoint(needs=CHANGE, permission="CUSTOMER_UPDATE", accepts=StatusChange(), returns=CustomerSchema())
def set_status(
    session: Session, principal: Principal, id: uuid.UUID, status: CustomerStatus, notes: str | None = None
) -> Customer:
    """Change whether business is done with a customer."""
    return service.set_status(service.find(session, id), principal.username, status, notes)
