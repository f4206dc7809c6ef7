"""The tables of purchases; purchases and returns themselves are transactions."""

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Model, Naive, Price, Retirable

if TYPE_CHECKING:
    from ..transactions.models import TransactionHeader


class PurchaseCreditMemo(Retirable, Model):
    """What a supplier credits us for a purchase return."""

    __tablename__ = "purchase_credit_memos"

    return_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"))
    credit_memo_number: Mapped[str] = mapped_column(String(100), unique=True)
    credit_date: Mapped[Naive]
    credit_amount: Mapped[Price]
    credit_type: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3), default="INR")
    exchange_rate: Mapped[Decimal] = mapped_column(Numeric(10, 6), default=Decimal(1))
    line_credits: Mapped[list[Any] | None]
    credit_terms: Mapped[str | None] = mapped_column(String(500))
    supplier_notes: Mapped[str | None]
    received_by: Mapped[uuid.UUID]

    purchase_return: Mapped["TransactionHeader"] = relationship(lazy="raise")
