"""Reports about customers and suppliers."""

import uuid
from typing import Any

import orjson
from flask import Blueprint
from sqlalchemy.orm import Session

from ...infra import AUTH, DATABASE, REDIS
from ...parties.models import Customer, Supplier
from ...transactions.models import TransactionHeader, TransactionType
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from . import service as parties
from .lists import HISTORY, PURCHASES, TOP_CUSTOMERS
from .schemas import CustomerBrief, SupplierBrief, SupplierFigures

REPORT = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=("customers", "suppliers"))
UNKNOWN = "unknown"
BOUGHT = (TransactionType.PURCHASE,)
bp = Blueprint("party_analytics", __name__, url_prefix="/api/analytics")


@bp.get("/customers")
@endpoint(needs=REPORT, permission="ANALYTICS_VIEW")
def customers(session: Session) -> dict[str, Any]:
    """Show customer statistics.

    They hold counts by kind and by month, and the ten customers with the highest lifetime value.
    """
    top = orjson.loads(TOP_CUSTOMERS.page(session, {"limit": 10, "count": "none"}).body)
    return {
        **parties.customer_counts(session),
        "monthly_new_customers": parties.new_customers(session),
        "top_customers_by_value": [{"customer": each, "lifetime_value": each["lifetime_value"]} for each in top],
    }


@bp.get("/customers/<uuid:id>/transactions")
@endpoint(needs=REPORT, permission="CUSTOMER_VIEW_TRANSACTIONS", query=HISTORY.takes)
def customer_transactions(session: Session, id: uuid.UUID, **part: object) -> dict[str, Any]:
    """List the transactions of a customer with a summary.

    The newest transaction comes first. The summary covers all of them.
    """
    customer = orjson.Fragment(projection.one(session, CustomerBrief, Customer, id))
    totals = parties.totals(session, TransactionHeader.customer_id, id, parties.SOLD)
    names = ("total_transactions", "total_spent", "average_transaction", "last_transaction_date")
    summary = {**dict(zip(names, totals, strict=True)), "favorite_items": parties.favourite_items(session, id)}
    return {"customer": customer, "summary": summary, **HISTORY.members(session, {**part, "customer_id": id})}


@bp.get("/suppliers/<uuid:id>/purchases")
@endpoint(needs=REPORT, permission="SUPPLIER_VIEW_TRANSACTIONS", query=PURCHASES.takes)
def supplier_purchases(session: Session, id: uuid.UUID, **part: object) -> dict[str, Any]:
    """List the purchases from a supplier with a summary.

    The newest purchase comes first. The summary covers all of them.
    """
    supplier = orjson.Fragment(projection.one(session, SupplierBrief, Supplier, id))
    totals = parties.totals(session, TransactionHeader.supplier_id, id, BOUGHT)
    names = ("total_transactions", "total_spend", "average_order_value", "last_order_date")
    summary = dict(zip(names, totals, strict=True))
    return {"supplier": supplier, "summary": summary, **PURCHASES.members(session, {**part, "supplier_id": id})}


@bp.get("/suppliers/<uuid:id>/performance")
@endpoint(needs=REPORT, permission="SUPPLIER_VIEW")
def supplier_performance(session: Session, id: uuid.UUID) -> dict[str, Any]:
    """Show the performance of a supplier.

    It holds ratings, the trend of the spend, and recommendations. Ratings have no history, so they have no trend.
    """
    trends = {"delivery_trend": UNKNOWN, "quality_trend": UNKNOWN, "spend_trend": parties.spend_trend(session, id)}
    return {
        "supplier": orjson.Fragment(projection.one(session, SupplierBrief, Supplier, id)),
        "performance_metrics": orjson.Fragment(projection.one(session, SupplierFigures, Supplier, id)),
        "trends": trends,
        "recommendations": parties.recommendations(session, id),
    }
