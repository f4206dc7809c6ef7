"""What is known of those we do business with."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ...catalog.models import Item
from ...parties.models import BlacklistStatus, Customer, CustomerTier, CustomerType, Supplier
from ...transactions.models import TransactionHeader, TransactionLine, TransactionStatus, TransactionType

Condition = ColumnElement[bool] | InstrumentedAttribute[bool]

MONTHS = 12
FAVOURITES = 3
SOLD = (TransactionType.SALE, TransactionType.RENTAL)
TREND = timedelta(days=90)
FORGOTTEN = timedelta(days=180)
POOR_RATING, SLOW_DAYS = Decimal(3), 14


def customer_counts(session: Session) -> dict[str, Any]:
    """Return how many customers there are: in all, active, blacklisted, of each type and tier."""
    by_type = {each: func.count().filter(Customer.customer_type == each) for each in CustomerType}
    by_tier = {each: func.count().filter(Customer.customer_tier == each) for each in CustomerTier}
    counts = [
        func.count(),
        func.count().filter(Customer.is_active),
        func.count().filter(Customer.blacklist_status == BlacklistStatus.BLACKLISTED),
        *by_type.values(),
        *by_tier.values(),
    ]
    total, active, blacklisted, *rest = session.execute(select(*counts).select_from(Customer)).one()
    return {
        "total_customers": total,
        "active_customers": active,
        "blacklisted_customers": blacklisted,
        "customer_types": dict(zip((each.lower() for each in by_type), rest, strict=False)),
        "tier_distribution": dict(zip((each.lower() for each in by_tier), rest[len(by_type) :], strict=True)),
    }


def new_customers(session: Session) -> list[dict[str, Any]]:
    """Return how many customers came in each of the last twelve months (`YYYY-MM`, UTC), oldest first, zeros too."""
    now = datetime.now(UTC)
    first = now.year * 12 + now.month - MONTHS  # months since the year 0, counted from 0
    months = [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(first, first + MONTHS)]
    month = func.to_char(Customer.created_at, literal_column("'YYYY-MM'"))
    since = datetime(first // 12, first % 12 + 1, 1, tzinfo=UTC)
    counted = select(month, func.count()).where(Customer.created_at >= since).group_by(month)
    came: dict[str, int] = dict(iter(session.execute(counted)))
    return [{"month": each, "count": came.get(each, 0)} for each in months]


def totals(
    session: Session, party: InstrumentedAttribute[uuid.UUID | None], id: uuid.UUID, types: Sequence[TransactionType]
) -> Any:
    """Return the number, sum, mean (two places) and latest date of a party's transactions that were not cancelled."""
    amount = TransactionHeader.total_amount
    return session.execute(
        select(
            func.count().label("count"),
            func.coalesce(func.sum(amount), 0).label("sum"),
            func.coalesce(func.round(func.avg(amount), 2), 0).label("mean"),
            func.max(TransactionHeader.transaction_date).label("latest"),
        ).where(*_counting(party, id, types))
    ).one()


def favourite_items(session: Session, customer: uuid.UUID) -> list[str]:
    """Return the names of the items a customer has taken most pieces of, at most three."""
    return list(
        session.scalars(
            select(Item.item_name)
            .join(TransactionLine, TransactionLine.item_id == Item.id)
            .join(TransactionHeader, TransactionHeader.id == TransactionLine.transaction_header_id)
            .where(*_counting(TransactionHeader.customer_id, customer, SOLD))
            .group_by(Item.id)
            .order_by(func.sum(TransactionLine.quantity).desc(), Item.item_name)
            .limit(FAVOURITES)
        )
    )


def spend_trend(session: Session, supplier: uuid.UUID) -> str:
    """Compare the last 90 days with the 90 before: `increasing`, `stable` (within 10 %) or `decreasing`.

    It is `unknown` if nothing was bought in either.
    """
    now = datetime.now(UTC)
    date, amount = TransactionHeader.transaction_date, TransactionHeader.total_amount
    latest, before = session.execute(
        select(
            func.coalesce(func.sum(amount).filter(date >= now - TREND), 0),
            func.coalesce(func.sum(amount).filter(date < now - TREND), 0),
        ).where(
            *_counting(TransactionHeader.supplier_id, supplier, (TransactionType.PURCHASE,)), date >= now - 2 * TREND
        )
    ).one()
    if latest == before == 0:
        return "unknown"
    if abs(latest - before) * 10 <= before:
        return "stable"
    return "increasing" if latest > before else "decreasing"


def recommendations(session: Session, id: uuid.UUID) -> list[str]:
    """Return what a buyer should do about a supplier, by what is known of them."""
    supplier = session.get_one(Supplier, id)
    said = []
    if 0 < supplier.quality_rating < POOR_RATING:
        said.append(f"Inspect deliveries: the quality is rated {supplier.quality_rating} of 5.")
    if 0 < supplier.delivery_rating < POOR_RATING:
        said.append(f"Agree on delivery dates: delivery is rated {supplier.delivery_rating} of 5.")
    if supplier.average_delivery_days > SLOW_DAYS:
        said.append(f"Order early: deliveries take {supplier.average_delivery_days} days on average.")
    if supplier.last_order_date and supplier.last_order_date < datetime.now(UTC) - FORGOTTEN:
        said.append(f"Nothing was ordered since {supplier.last_order_date:%Y-%m-%d}.")
    return said


def _counting(
    party: InstrumentedAttribute[uuid.UUID | None], id: uuid.UUID, types: Sequence[TransactionType]
) -> tuple[Condition, ...]:
    """Return the conditions for a party's transactions that count."""
    return (
        party == id,
        TransactionHeader.transaction_type.in_(types),
        TransactionHeader.status != TransactionStatus.CANCELLED,
        TransactionHeader.is_active,
    )
