"""The closed sets that transactions are described by."""

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class TransactionType(enum.StrEnum):
    """What a transaction is."""

    SALE = "SALE"
    PURCHASE = "PURCHASE"
    RENTAL = "RENTAL"
    RETURN = "RETURN"
    ADJUSTMENT = "ADJUSTMENT"


class TransactionStatus(enum.StrEnum):
    """How far a transaction has come."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ON_HOLD = "ON_HOLD"
    IN_PROGRESS = "IN_PROGRESS"


class PaymentStatus(enum.StrEnum):
    """How much of a transaction is paid."""

    PENDING = "PENDING"
    PAID = "PAID"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"


class PaymentMethod(enum.StrEnum):
    """How a transaction is paid."""

    CASH = "CASH"
    CREDIT_CARD = "CREDIT_CARD"
    DEBIT_CARD = "DEBIT_CARD"
    BANK_TRANSFER = "BANK_TRANSFER"
    CHEQUE = "CHEQUE"
    ONLINE = "ONLINE"
    CREDIT_ACCOUNT = "CREDIT_ACCOUNT"


class LineItemType(enum.StrEnum):
    """What a line charges for."""

    PRODUCT = "PRODUCT"
    SERVICE = "SERVICE"
    DISCOUNT = "DISCOUNT"
    TAX = "TAX"
    SHIPPING = "SHIPPING"
    FEE = "FEE"


class RentalPeriodUnit(enum.StrEnum):
    """What the period of a rate is counted in."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class RentalStatus(enum.StrEnum):
    """How far a rented line has come; that of a rental follows from its lines."""

    RENTAL_INPROGRESS = "RENTAL_INPROGRESS"
    RENTAL_COMPLETED = "RENTAL_COMPLETED"
    RENTAL_LATE = "RENTAL_LATE"
    RENTAL_EXTENDED = "RENTAL_EXTENDED"
    RENTAL_PARTIAL_RETURN = "RENTAL_PARTIAL_RETURN"
    RENTAL_LATE_PARTIAL_RETURN = "RENTAL_LATE_PARTIAL_RETURN"
