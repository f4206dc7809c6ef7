"""What the baseline is written with. Nothing here may change: the baseline is production as it was."""

from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Enum, Index, MetaData, PrimaryKeyConstraint, String, Table, Uuid, text
from sqlalchemy.schema import SchemaItem

AWARE = DateTime(timezone=True)
NOW = text("now()")
RANDOM = text("gen_random_uuid()")
ENUMS = {
    "blacklist_status_enum": "CLEAR WARNING BLACKLISTED",
    "bookingstatus": "PENDING CONFIRMED CANCELLED EXPIRED CONVERTED",
    "conflict_severity": "LOW MEDIUM HIGH CRITICAL",
    "conflict_type": "ACTIVE_RENTAL FUTURE_BOOKING PENDING_BOOKING MAINTENANCE_SCHEDULED CROSS_LOCATION",
    "credit_rating_enum": "EXCELLENT GOOD FAIR POOR NO_RATING",
    "customer_status_enum": "ACTIVE INACTIVE SUSPENDED PENDING",
    "customer_tier_enum": "BRONZE SILVER GOLD PLATINUM",
    "customer_type_enum": "INDIVIDUAL BUSINESS",
    "extensiontype": "FULL PARTIAL",
    "item_status_enum": "ACTIVE INACTIVE DISCONTINUED",
    "lineitemtype": "PRODUCT SERVICE DISCOUNT TAX SHIPPING FEE",
    "location_type_enum": "STORE WAREHOUSE SERVICE_CENTER",
    "paymentmethod": "CASH CREDIT_CARD DEBIT_CARD BANK_TRANSFER CHEQUE ONLINE CREDIT_ACCOUNT",
    "paymentstatus": "PENDING PAID PARTIAL FAILED REFUNDED",
    "rentalperiodunit": "HOUR DAY WEEK MONTH",
    "rentalstatus": (
        "RENTAL_INPROGRESS RENTAL_COMPLETED RENTAL_LATE RENTAL_EXTENDED "
        "RENTAL_PARTIAL_RETURN RENTAL_LATE_PARTIAL_RETURN"
    ),
    "resolution_action": (
        "CANCEL_BOOKING WAIT_FOR_RETURN TRANSFER_TO_ALTERNATIVE OFFER_COMPENSATION POSTPONE_SALE FORCE_SALE"
    ),
    "returncondition": "GOOD DAMAGED BEYOND_REPAIR",
    "supplier_status_enum": "ACTIVE INACTIVE PENDING APPROVED SUSPENDED BLACKLISTED",
    "supplier_tier_enum": "PREMIUM STANDARD BASIC TRIAL",
    "supplier_type_enum": "MANUFACTURER DISTRIBUTOR WHOLESALER RETAILER INVENTORY SERVICE DIRECT",
    "transactionstatus": "PENDING PROCESSING COMPLETED CANCELLED ON_HOLD IN_PROGRESS",
    "transactiontype": "SALE PURCHASE RENTAL RETURN ADJUSTMENT",
    "transition_status": "PENDING PROCESSING AWAITING_APPROVAL APPROVED REJECTED COMPLETED FAILED ROLLED_BACK",
}
production = MetaData()  # without a naming convention: PostgreSQL names the constraints, as it did in production


def table(name: str, *parts: SchemaItem) -> Table:
    """Add a table to production."""
    return Table(name, production, *parts)


def required(name: str, kind: Any, *parts: SchemaItem, **options: Any) -> Column[Any]:
    """Return a column that always holds something."""
    return Column(name, kind, *parts, nullable=False, **options)


def optional(name: str, kind: Any, *parts: SchemaItem) -> Column[Any]:
    """Return a column that may be empty."""
    return Column(name, kind, *parts)


def enumerated(name: str) -> Enum:
    """Return an enumerated type."""
    return Enum(*ENUMS[name].split(), name=name)


def audited(*more: str) -> list[SchemaItem]:
    """Return the columns that nearly every table ends with, its key among them; `more` are flags it has besides."""
    return [
        required("id", Uuid, server_default=RANDOM),
        required("created_at", AWARE, server_default=NOW),
        required("updated_at", AWARE, server_default=NOW),
        optional("created_by", String(255)),
        optional("updated_by", String(255)),
        *(required(name, Boolean) for name in more),
        optional("deleted_at", AWARE),
        optional("deleted_by", String(255)),
        PrimaryKeyConstraint("id"),
    ]


def retirable(name: str) -> list[SchemaItem]:
    """Return the same of a table whose rows are retired instead of deleted."""
    return [*audited("is_active"), Index(f"ix_{name}_is_active", "is_active")]
