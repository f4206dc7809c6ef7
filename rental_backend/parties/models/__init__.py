"""The tables of those we do business with."""

from .customers import (
    CUSTOMER_SEARCH,
    BlacklistStatus,
    CreditRating,
    Customer,
    CustomerStatus,
    CustomerTier,
    CustomerType,
)
from .suppliers import SUPPLIER_SEARCH, PaymentTerms, Supplier, SupplierStatus, SupplierTier, SupplierType

__all__ = [
    "CUSTOMER_SEARCH",
    "SUPPLIER_SEARCH",
    "BlacklistStatus",
    "CreditRating",
    "Customer",
    "CustomerStatus",
    "CustomerTier",
    "CustomerType",
    "PaymentTerms",
    "Supplier",
    "SupplierStatus",
    "SupplierTier",
    "SupplierType",
]
