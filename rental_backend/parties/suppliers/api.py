"""Suppliers."""

import uuid
from typing import Any, Unpack

import orjson
from sqlalchemy.orm import Session

from ... import crud as records
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.resource.extra_routes import add_list, add_one
from ...web.resource.import_export import add_export, add_import
from ...web.resource.resource import Permissions, Resource
from ..customers.api import BROWSE, CHANGE
from ..models import SUPPLIER_SEARCH, Supplier
from . import service as suppliers
from .schemas import (
    NewSupplier,
    Performance,
    SupplierFields,
    SupplierQuery,
    SupplierSchema,
    SupplierSearch,
    SupplierStatusChange,
)

SEARCHED = "Search suppliers by name, code, contact, address or number."

SUPPLIERS = Resource(
    name="suppliers",
    prefix="/api/suppliers",
    model=Supplier,
    schema=SupplierSchema,
    listing=Listing(
        Supplier,
        SupplierSchema,
        order=(Supplier.company_name.asc(), Supplier.id.asc()),
        query=SupplierQuery,
        search=SUPPLIER_SEARCH,
        filters=("supplier_type", "supplier_tier", "status"),
        sorts=("company_name", "supplier_code", "created_at", "total_spend", "total_orders", "quality_rating"),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("SUPPLIER"),
    accepts=NewSupplier,
    changes=SupplierFields,
)
bp = SUPPLIERS.blueprint()
add_import(bp, SUPPLIERS, "SUPPLIER_CREATE")
add_export(bp, SUPPLIERS, "SUPPLIER_EXPORT")
add_one(bp, SUPPLIERS, "/code/<supplier_code>", "Show a supplier by supplier code.")
add_list(bp, SUPPLIERS, "/search", SEARCHED, query=SupplierSearch, read_as={"search_term": "search"})


def _five(session: Session, most: str) -> orjson.Fragment:
    """Return five active suppliers, the ones with the highest value of a column."""
    part = {"limit": 5, "count": "none", "is_active": True, "sort_field": most, "sort_direction": "desc"}
    return orjson.Fragment(SUPPLIERS.listing.page(session, part).body)


@bp.get("/statistics")
@endpoint(needs=BROWSE, permission="SUPPLIER_VIEW")
def statistics(session: Session) -> dict[str, Any]:
    """Show supplier statistics.

    They hold counts, the five newest suppliers, and the five suppliers with the highest spend.
    """
    return {
        **suppliers.counts(session),
        "recent_suppliers": _five(session, "created_at"),
        "top_suppliers_by_value": _five(session, "total_spend"),
    }


@bp.put("/<uuid:id>/status")
@endpoint(needs=CHANGE, permission="SUPPLIER_UPDATE_STATUS", accepts=SupplierStatusChange(), returns=SupplierSchema())
def set_status(
    session: Session, principal: Principal, id: uuid.UUID, **fields: Unpack[suppliers.StatusValues]
) -> Supplier:
    """Change the status of a supplier. A supplier that is not active leaves the lists."""
    return suppliers.set_status(SUPPLIERS.find(session, id), principal.username, fields)


@bp.patch("/<uuid:id>/performance")
@endpoint(needs=CHANGE, permission="SUPPLIER_UPDATE", accepts=Performance(), returns=SupplierSchema())
def set_performance(
    session: Session, principal: Principal, id: uuid.UUID, **fields: Unpack[suppliers.PerformanceValues]
) -> Supplier:
    """Correct the performance figures of a supplier."""
    return records.change(SUPPLIERS.find(session, id), principal.username, fields)
