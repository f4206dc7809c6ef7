"""Reports about customers and suppliers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.parties.models import BlacklistStatus, CustomerTier, CustomerType
from rental_backend.transactions.models import TransactionStatus, TransactionType
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import statements

PURCHASE, RENTAL, SALE = TransactionType.PURCHASE, TransactionType.RENTAL, TransactionType.SALE


def _days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_customers_are_counted_by_kind_and_month(signed_in: Caller, session: Session) -> None:
    """Types, tiers, activity and the blacklist are counted; each of twelve months has its number of new ones."""
    now = datetime.now(UTC)
    last_year = datetime(now.year - 1, now.month, 1, tzinfo=UTC) - timedelta(days=1)
    factories.customer(session, customer_tier=CustomerTier.GOLD, blacklist_status=BlacklistStatus.BLACKLISTED)
    factories.customer(session, customer_type=CustomerType.BUSINESS, is_active=False, lifetime_value=9)
    factories.customer(session, created_at=last_year, lifetime_value=Decimal("7.50"))

    said = signed_in("ANALYTICS_VIEW").get("/api/analytics/customers").get_json()

    assert (said["total_customers"], said["active_customers"], said["blacklisted_customers"]) == (3, 2, 1)
    assert said["customer_types"] == {"individual": 2, "business": 1}
    assert said["tier_distribution"] == {"bronze": 2, "silver": 0, "gold": 1, "platinum": 0}
    months = said["monthly_new_customers"]
    assert (len(months), months[-1]) == (12, {"month": f"{now:%Y-%m}", "count": 2})
    assert sum(each["count"] for each in months) == 2
    (top,) = said["top_customers_by_value"]
    assert top["lifetime_value"] == top["customer"]["lifetime_value"] == 7.5


def test_a_customers_history_is_his_sales_and_rentals(signed_in: Caller, session: Session, app: Flask) -> None:
    """Newest first, with a summary in which cancelled ones do not count; purchases are no part of it."""
    customer, other = factories.customer(session), factories.customer(session)
    mine: dict[str, Any] = {"customer_id": customer.id}
    factories.transaction(session, SALE, total_amount=10, transaction_date=_days_ago(2), **mine)
    latest = factories.transaction(
        session, RENTAL, total_amount=Decimal("20.01"), transaction_date=_days_ago(1), **mine
    )
    factories.transaction(
        session, SALE, total_amount=50, transaction_date=_days_ago(3), status=TransactionStatus.CANCELLED, **mine
    )
    factories.transaction(session, SALE, total_amount=70, customer_id=other.id)
    client = signed_in("CUSTOMER_VIEW_TRANSACTIONS")
    path = f"/api/analytics/customers/{customer.id}/transactions"

    said = client.get(path).get_json()
    assert [each["total_amount"] for each in said["transactions"]] == [20.01, 10, 50]
    assert said["customer"]["id"] == str(customer.id)
    assert said["summary"] == {
        "total_transactions": 2,
        "total_spent": 30.01,
        "average_transaction": 15.01,
        "last_transaction_date": latest.transaction_date.isoformat(),
        "favorite_items": [],
    }
    with statements(app) as sent:
        part = client.get(path, query_string={"skip": 1, "limit": 1}).get_json()
    assert part["pagination"] == {"skip": 1, "limit": 1, "total": 3, "has_next": True, "has_previous": True}
    assert len(sent) == 4
    refusal(client.get(f"/api/analytics/customers/{latest.id}/transactions"), 404)


def test_a_suppliers_purchases_are_summed_up(signed_in: Caller, session: Session) -> None:
    """Only purchases from him count; without any the summary is of zeros."""
    supplier, nobody = factories.supplier(session), factories.supplier(session)
    for amount in (10, 20):
        factories.transaction(session, PURCHASE, supplier_id=supplier.id, total_amount=amount)
    factories.transaction(session, TransactionType.RETURN, supplier_id=supplier.id, total_amount=5)
    client = signed_in("SUPPLIER_VIEW_TRANSACTIONS")

    said = client.get(f"/api/analytics/suppliers/{supplier.id}/purchases").get_json()
    empty = client.get(f"/api/analytics/suppliers/{nobody.id}/purchases").get_json()

    assert (said["summary"]["total_spend"], said["summary"]["average_order_value"]) == (30, 15)
    assert (len(said["transactions"]), said["pagination"]["has_next"]) == (2, False)
    assert (empty["transactions"], empty["summary"]["total_transactions"], empty["summary"]["total_spend"]) == (
        [],
        0,
        0,
    )


@pytest.mark.parametrize(
    ("latest", "before", "trend"),
    [(0, 0, "unknown"), (110, 100, "stable"), (111, 100, "increasing"), (89, 100, "decreasing"), (5, 0, "increasing")],
)
def test_the_trend_of_spending(signed_in: Caller, session: Session, latest: int, before: int, trend: str) -> None:
    """The last 90 days are compared with the 90 before; up to a tenth is no change."""
    supplier = factories.supplier(session)
    for amount, days in ((latest, 10), (before, 100), (999, 200)):
        factories.transaction(
            session, PURCHASE, supplier_id=supplier.id, total_amount=amount, transaction_date=_days_ago(days)
        )

    said = signed_in("SUPPLIER_VIEW").get(f"/api/analytics/suppliers/{supplier.id}/performance").get_json()

    assert said["trends"]["spend_trend"] == trend


def test_a_supplier_is_recommended_upon(signed_in: Caller, session: Session) -> None:
    """Each weakness has its sentence; a good supplier has none."""
    poor = factories.supplier(
        session, quality_rating=2, delivery_rating=1, average_delivery_days=30, last_order_date=_days_ago(200)
    )
    good = factories.supplier(session, quality_rating=5, delivery_rating=5, last_order_date=_days_ago(1))
    client = signed_in("SUPPLIER_VIEW")

    said = client.get(f"/api/analytics/suppliers/{poor.id}/performance").get_json()["recommendations"]

    assert [text.split()[0] for text in said] == ["Inspect", "Agree", "Order", "Nothing"]
    assert client.get(f"/api/analytics/suppliers/{good.id}/performance").get_json()["recommendations"] == []
