"""The table of customers."""

import enum
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Enum, Index, Numeric, String, func, literal_column
from sqlalchemy.orm import Mapped, column_property, mapped_column

from ...models import Model, Price, Retirable, trigrams


class CustomerType(enum.StrEnum):
    """A person or a company."""

    INDIVIDUAL = "INDIVIDUAL"
    BUSINESS = "BUSINESS"


class CustomerTier(enum.StrEnum):
    """How valued a customer is."""

    BRONZE = "BRONZE"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"


class CustomerStatus(enum.StrEnum):
    """Whether business is done with a customer."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING = "PENDING"


class BlacklistStatus(enum.StrEnum):
    """Whether a customer may rent: BLACKLISTED ones may not."""

    CLEAR = "CLEAR"
    WARNING = "WARNING"
    BLACKLISTED = "BLACKLISTED"


class CreditRating(enum.StrEnum):
    """How well a customer pays."""

    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"
    NO_RATING = "NO_RATING"


class Customer(Retirable, Model):
    """Somebody who rents or buys. Amounts are in the company's currency."""

    __tablename__ = "customers"
    __table_args__ = (
        Index("idx_customer_blacklist", "blacklist_status"),
        Index("idx_customer_business_name", "business_name"),
        Index("idx_customer_city", "city"),
        Index("idx_customer_country", "country"),
        Index("idx_customer_email", "email"),
        Index("idx_customer_name", "first_name", "last_name"),
        Index("idx_customer_phone", "phone"),
        Index("idx_customer_state", "state"),
        Index("idx_customer_tier", "customer_tier"),
        Index("idx_customer_type", "customer_type"),
        Index("ix_customers_newest", "created_at", "id"),
    )

    customer_code: Mapped[str] = mapped_column(String(20), unique=True, index=True)
    customer_type: Mapped[CustomerType] = mapped_column(Enum(CustomerType, name="customer_type_enum"))
    business_name: Mapped[str | None] = mapped_column(String(200))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(20))
    mobile: Mapped[str | None] = mapped_column(String(20))
    address_line1: Mapped[str | None]
    address_line2: Mapped[str | None]
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    country: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    tax_number: Mapped[str | None] = mapped_column(String(50))
    payment_terms: Mapped[str | None] = mapped_column(String(50))
    customer_tier: Mapped[CustomerTier] = mapped_column(
        Enum(CustomerTier, name="customer_tier_enum"), default=CustomerTier.BRONZE
    )
    credit_limit: Mapped[Price] = mapped_column(default=Decimal(0))
    status: Mapped[CustomerStatus] = mapped_column(
        Enum(CustomerStatus, name="customer_status_enum"), default=CustomerStatus.ACTIVE
    )
    blacklist_status: Mapped[BlacklistStatus] = mapped_column(
        Enum(BlacklistStatus, name="blacklist_status_enum"), default=BlacklistStatus.CLEAR
    )
    credit_rating: Mapped[CreditRating] = mapped_column(
        Enum(CreditRating, name="credit_rating_enum"), default=CreditRating.NO_RATING
    )
    total_rentals: Mapped[Decimal] = mapped_column(Numeric(10, 0), default=Decimal(0))
    total_spent: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal(0))
    lifetime_value: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal(0))
    last_transaction_date: Mapped[datetime | None]
    last_rental_date: Mapped[datetime | None]
    notes: Mapped[str | None]

    name: Mapped[str] = column_property(
        func.coalesce(business_name, func.concat_ws(literal_column("' '"), first_name, last_name)), deferred=True
    )


CUSTOMER_SEARCH = (
    Customer.customer_code,
    Customer.business_name,
    Customer.first_name,
    Customer.last_name,
    Customer.email,
    Customer.phone,
    Customer.mobile,
)

trigrams("ix_customers_search", *CUSTOMER_SEARCH)
