"""The tables that purchases, sales and rentals share."""

from .documents import TransactionHeader, TransactionLine, TransactionMetadata
from .events import TransactionEvent
from .kinds import (
    LineItemType,
    PaymentMethod,
    PaymentStatus,
    RentalPeriodUnit,
    RentalStatus,
    TransactionStatus,
    TransactionType,
)

__all__ = [
    "LineItemType",
    "PaymentMethod",
    "PaymentStatus",
    "RentalPeriodUnit",
    "RentalStatus",
    "TransactionEvent",
    "TransactionHeader",
    "TransactionLine",
    "TransactionMetadata",
    "TransactionStatus",
    "TransactionType",
]
