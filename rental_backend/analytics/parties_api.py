"""Figures and histories of customers and suppliers."""

import uuid
from typing import Any

import orjson
from flask import Blueprint
from sqlalchemy import or_
from sqlalchemy.orm import Session

from ..infra.dependencies import AUTH, DATABASE, REDIS
from ..parties.models import Customer, Supplier
from ..schemas import Paging
from ..transactions.models import TransactionHeader, TransactionType
from ..web import projection
from ..web.contracts import endpoint
from ..web.listing import Listing, Page, paged
from ..web.needs import Needs
from . import parties
from .schemas import CustomerBrief, CustomerTransaction, SupplierBrief, SupplierFigures, SupplierPurchase

REPORT = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=("customers", "suppliers"))
BOUGHT = (TransactionType.PURCHASE,)
NEWEST = (TransactionHeader.transaction_date.desc(), TransactionHeader.id.desc())
TOP_CUSTOMERS = Listing(
    Customer,
    CustomerBrief,
    order=(Customer.lifetime_value.desc(), Customer.id.desc()),
    where=(Customer.is_active, Customer.lifetime_value > 0),
)
HISTORY = Listing(
    TransactionHeader,
    CustomerTransaction,
    order=NEWEST,
    filters={"customer_id": TransactionHeader.customer_id.__eq__},
    where=(or_(*map(TransactionHeader.transaction_type.__eq__, parties.SOLD)), TransactionHeader.is_active),
)
PURCHASES = Listing(
    TransactionHeader,
    SupplierPurchase,
    order=NEWEST,
    filters={"supplier_id": TransactionHeader.supplier_id.__eq__},
    where=(TransactionHeader.transaction_type == TransactionType.PURCHASE, TransactionHeader.is_active),
)

bp = Blueprint("party_analytics", __name__, url_prefix="/api/analytics")


@bp.get("/customers")
@endpoint(needs=REPORT, permission="ANALYTICS_VIEW")
def customers(session: Session) -> dict[str, Any]:
    """Return how many customers there are, by kind and by month of arrival, and the ten who are worth most."""
    top = orjson.loads(TOP_CUSTOMERS.page(session, {"limit": 10, "count": "none"}).body)
    return {
        **parties.customer_counts(session),
        "monthly_new_customers": parties.new_customers(session),
        "top_customers_by_value": [{"customer": each, "lifetime_value": each["lifetime_value"]} for each in top],
    }


@bp.get("/customers/<uuid:id>/transactions")
@endpoint(needs=REPORT, permission="CUSTOMER_VIEW_TRANSACTIONS", query=Paging())
def customer_transactions(session: Session, id: uuid.UUID, **part: Any) -> dict[str, Any]:
    """Return what a customer has bought and rented, newest first, with a summary of all of it."""
    customer = orjson.Fragment(projection.one(session, CustomerBrief, Customer, id))
    page = HISTORY.page(session, {**part, "customer_id": id})
    totals = parties.totals(session, TransactionHeader.customer_id, id, parties.SOLD)
    summary = {
        "total_transactions": totals.count,
        "total_spent": totals.sum,
        "average_transaction": totals.mean,
        "last_transaction_date": totals.latest,
        "favorite_items": parties.favourite_items(session, id),
    }
    return {"customer": customer, "summary": summary, **_part("transactions", page, part)}


@bp.get("/suppliers/<uuid:id>/purchases")
@endpoint(needs=REPORT, permission="SUPPLIER_VIEW_TRANSACTIONS", query=Paging())
def supplier_purchases(session: Session, id: uuid.UUID, **part: Any) -> dict[str, Any]:
    """Return what was bought from a supplier, newest first, with a summary of all of it."""
    supplier = orjson.Fragment(projection.one(session, SupplierBrief, Supplier, id))
    page = PURCHASES.page(session, {**part, "supplier_id": id})
    totals = parties.totals(session, TransactionHeader.supplier_id, id, BOUGHT)
    summary = {
        "total_transactions": totals.count,
        "total_spend": totals.sum,
        "average_order_value": totals.mean,
        "last_order_date": totals.latest,
    }
    return {"supplier": supplier, "summary": summary, **_part("transactions", page, part)}


@bp.get("/suppliers/<uuid:id>/performance")
@endpoint(needs=REPORT, permission="SUPPLIER_VIEW")
def supplier_performance(session: Session, id: uuid.UUID) -> dict[str, Any]:
    """Return how a supplier delivers, whether we buy more, and what to do. Ratings have no history, so no trend."""
    return {
        "supplier": orjson.Fragment(projection.one(session, SupplierBrief, Supplier, id)),
        "performance_metrics": orjson.Fragment(projection.one(session, SupplierFigures, Supplier, id)),
        "trends": {
            "spend_trend": parties.spend_trend(session, id),
            "delivery_trend": "unknown",
            "quality_trend": "unknown",
        },
        "recommendations": parties.recommendations(session, id),
    }


def _part(name: str, page: Page, part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a list under its name, and where in the list it lies."""
    skip, limit = paged(part)
    total = page.total or 0
    where = {"skip": skip, "limit": limit, "total": total, "has_next": skip + limit < total, "has_previous": skip > 0}
    return {name: orjson.Fragment(page.body), "pagination": where}
