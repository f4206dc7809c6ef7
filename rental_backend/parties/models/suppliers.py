"""The table of suppliers."""

import enum
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Enum, Index, Numeric, String, Text, case, cast, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from ...models import Amount, Model, Retirable, at_least, in_order, one_of, trigrams


class SupplierType(enum.StrEnum):
    """What a supplier is to us."""

    MANUFACTURER = "MANUFACTURER"
    DISTRIBUTOR = "DISTRIBUTOR"
    WHOLESALER = "WHOLESALER"
    RETAILER = "RETAILER"
    INVENTORY = "INVENTORY"
    SERVICE = "SERVICE"
    DIRECT = "DIRECT"


class PaymentTerms(enum.StrEnum):
    """When a supplier is paid; NET30 is within 30 days of the invoice."""

    IMMEDIATE = "IMMEDIATE"
    NET15 = "NET15"
    NET30 = "NET30"
    NET45 = "NET45"
    NET60 = "NET60"
    NET90 = "NET90"
    COD = "COD"


class SupplierTier(enum.StrEnum):
    """How valued a supplier is."""

    PREMIUM = "PREMIUM"
    STANDARD = "STANDARD"
    BASIC = "BASIC"
    TRIAL = "TRIAL"


class SupplierStatus(enum.StrEnum):
    """Whether business is done with a supplier."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    SUSPENDED = "SUSPENDED"
    BLACKLISTED = "BLACKLISTED"


class Supplier(Retirable, Model):
    """Somebody we buy from. Amounts are in the company's currency, ratings from 0 to 5.

    `performance_score` is the mean of both ratings in percent of the best; `full_address` is the one text that the
    pages fill in, or what was filled in line by line.
    """

    __tablename__ = "suppliers"
    __table_args__ = (
        *at_least(0, "credit_limit"),
        CheckConstraint("quality_rating BETWEEN 0 AND 5", name="quality_rating"),
        CheckConstraint("delivery_rating BETWEEN 0 AND 5", name="delivery_rating"),
        in_order("contract_start_date", "contract_end_date"),
        Index("idx_supplier_company_name", "company_name"),
        Index("idx_supplier_contract_dates", "contract_start_date", "contract_end_date"),
        Index("idx_supplier_email", "email"),
        Index("idx_supplier_last_order", "last_order_date"),
        Index("idx_supplier_payment_terms", "payment_terms"),
        Index("idx_supplier_ratings", "quality_rating", "delivery_rating"),
        Index("idx_supplier_status", "status"),
        Index("idx_supplier_tier", "supplier_tier"),
        Index("idx_supplier_type", "supplier_type"),
    )

    supplier_code: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    company_name: Mapped[str] = mapped_column(String(255))
    supplier_type: Mapped[SupplierType] = mapped_column(Enum(SupplierType, name="supplier_type_enum"))
    contact_person: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    mobile: Mapped[str | None] = mapped_column(String(50))
    address: Mapped[str | None] = mapped_column()
    address_line1: Mapped[str | None] = mapped_column(String(255))
    address_line2: Mapped[str | None] = mapped_column(String(255))
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str | None] = mapped_column(String(100))
    tax_id: Mapped[str | None] = mapped_column(String(50))
    payment_terms: Mapped[PaymentTerms] = mapped_column(one_of(PaymentTerms), default=PaymentTerms.NET30)
    credit_limit: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=Decimal(0))
    supplier_tier: Mapped[SupplierTier] = mapped_column(
        Enum(SupplierTier, name="supplier_tier_enum"), default=SupplierTier.STANDARD
    )
    status: Mapped[SupplierStatus] = mapped_column(
        Enum(SupplierStatus, name="supplier_status_enum"), default=SupplierStatus.ACTIVE
    )
    quality_rating: Mapped[Decimal] = mapped_column(Numeric(3, 2), default=Decimal(0))
    delivery_rating: Mapped[Decimal] = mapped_column(Numeric(3, 2), default=Decimal(0))
    average_delivery_days: Mapped[int] = mapped_column(default=0)
    total_orders: Mapped[int] = mapped_column(default=0)
    total_spend: Mapped[Amount] = mapped_column(default=Decimal(0))
    last_order_date: Mapped[datetime | None]
    contract_start_date: Mapped[datetime | None]
    contract_end_date: Mapped[datetime | None]
    notes: Mapped[str | None]
    website: Mapped[str | None] = mapped_column(String(255))
    account_manager: Mapped[str | None] = mapped_column(String(255))
    preferred_payment_method: Mapped[str | None] = mapped_column(String(50))
    insurance_expiry: Mapped[datetime | None]
    certifications: Mapped[str | None]

    performance_score: Mapped[Decimal] = column_property(
        func.round((quality_rating + delivery_rating) * 10, 1), deferred=True
    )
    full_address: Mapped[str] = column_property(
        func.coalesce(address, func.concat_ws(", ", address_line1, address_line2, city, state, postal_code, country)),
        deferred=True,
    )
    tier_on_pages: Mapped[str] = column_property(
        case(
            (supplier_tier == SupplierTier.PREMIUM, "PREFERRED"),
            (supplier_tier == SupplierTier.BASIC, "RESTRICTED"),
            else_=cast(supplier_tier, Text),
        ),
        deferred=True,
    )


SUPPLIER_SEARCH = (
    Supplier.supplier_code,
    Supplier.company_name,
    Supplier.contact_person,
    Supplier.email,
    Supplier.phone,
    Supplier.mobile,
)

trigrams("ix_suppliers_search", *SUPPLIER_SEARCH)
