"""Customers."""

import uuid
from decimal import Decimal

from sqlalchemy.orm import Session

from ... import crud as records
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query.listing import Listing
from ...web.resource.extra_routes import add_list, add_one
from ...web.resource.import_export import add_export, add_import
from ...web.resource.resource import Permissions, Resource
from ..models import CUSTOMER_SEARCH, BlacklistStatus, Customer, CustomerStatus, CustomerTier
from . import service
from .schemas import (
    BlacklistAction,
    BlacklistChange,
    CreditLimit,
    CustomerChange,
    CustomerNameSearch,
    CustomerQuery,
    CustomerSchema,
    CustomerSearch,
    NewCustomer,
    StatusChange,
    TierChange,
)

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,))  # refuse rather than guess
SEARCHED = "Search customers by name, code, address or number."
NAMED = "Search customers with the text in `name`. Names, codes, addresses and numbers are searched."

CUSTOMERS = Resource(
    name="customers",
    prefix="/api/customers",
    model=Customer,
    schema=CustomerSchema,
    listing=Listing(
        Customer,
        CustomerSchema,
        order=(Customer.created_at.desc(), Customer.id.desc()),
        query=CustomerQuery,
        search=CUSTOMER_SEARCH,
        filters=("customer_type", "customer_tier", "status", "blacklist_status"),
        sorts=("customer_code", "created_at", "name"),
        warm=({"status": "ACTIVE", "limit": "100"}, {"skip": "0", "limit": "100"}),
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("CUSTOMER"),
    accepts=NewCustomer,
    changes=CustomerChange,
    create=service.create,
    change=service.change,
)
bp = CUSTOMERS.blueprint()
add_import(bp, CUSTOMERS, "CUSTOMER_CREATE")
add_export(bp, CUSTOMERS, "CUSTOMER_EXPORT")
add_one(bp, CUSTOMERS, "/code/<customer_code>", "Show a customer by customer code.")
add_list(bp, CUSTOMERS, "/search", SEARCHED, query=CustomerSearch, read_as={"search_term": "search"})
add_list(bp, CUSTOMERS, "/search/name", NAMED, query=CustomerNameSearch, read_as={"name": "search"})
add_list(bp, CUSTOMERS, "/blacklisted", "List blacklisted customers.", blacklist_status=BlacklistStatus.BLACKLISTED)


@bp.put("/<uuid:id>/credit-limit")
@endpoint(needs=CHANGE, permission="CUSTOMER_UPDATE_CREDIT", accepts=CreditLimit(), returns=CustomerSchema())
def set_credit_limit(session: Session, principal: Principal, id: uuid.UUID, credit_limit: Decimal) -> Customer:
    """Change the credit limit of a customer."""
    return records.change(CUSTOMERS.find(session, id), principal.username, {"credit_limit": credit_limit})


@bp.put("/<uuid:id>/tier")
@endpoint(needs=CHANGE, permission="CUSTOMER_UPDATE", accepts=TierChange(), returns=CustomerSchema())
def set_tier(session: Session, principal: Principal, id: uuid.UUID, customer_tier: CustomerTier) -> Customer:
    """Change the tier of a customer."""
    return records.change(CUSTOMERS.find(session, id), principal.username, {"customer_tier": customer_tier})


@bp.post("/<uuid:id>/blacklist")
@endpoint(needs=CHANGE, permission="CUSTOMER_BLACKLIST", accepts=BlacklistAction(), returns=CustomerSchema())
def blacklist(session: Session, principal: Principal, id: uuid.UUID, action: str) -> Customer:
    """Blacklist a customer, or clear them. Nothing is rented to a blacklisted customer."""
    status = BlacklistStatus.BLACKLISTED if action == "blacklist" else BlacklistStatus.CLEAR
    return service.blacklist(CUSTOMERS.find(session, id), principal.username, status)


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
    """Set the blacklist status of a customer. The reason is added to the notes of the customer."""
    said = "\n".join(filter(None, (blacklist_reason, notes))) or None
    return service.blacklist(CUSTOMERS.find(session, id), principal.username, blacklist_status, said)


@bp.put("/<uuid:id>/status")
@endpoint(needs=CHANGE, permission="CUSTOMER_UPDATE", accepts=StatusChange(), returns=CustomerSchema())
def set_status(
    session: Session, principal: Principal, id: uuid.UUID, status: CustomerStatus, notes: str | None = None
) -> Customer:
    """Change the status of a customer."""
    return service.set_status(CUSTOMERS.find(session, id), principal.username, status, notes)
