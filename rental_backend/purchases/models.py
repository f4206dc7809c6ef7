"""The tables of purchases; purchases and returns themselves are transactions."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Model, Price, Retirable, at_least

if TYPE_CHECKING:
    from ..transactions.models import TransactionHeader


class PurchaseCreditMemo(Retirable, Model):
    """What a supplier credits us for a purchase return."""

    __tablename__ = "purchase_credit_memos"
    __table_args__ = (*at_least(0, "credit_amount"), CheckConstraint("exchange_rate > 0", name="exchange_rate"))

    return_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"), index=True)
    credit_memo_number: Mapped[str] = mapped_column(String(100), unique=True)
    credit_date: Mapped[datetime]
    credit_amount: Mapped[Price]
    credit_type: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str] = mapped_column(String(3), default="INR")
    exchange_rate: Mapped[Decimal] = mapped_column(Numeric(10, 6), default=Decimal(1))
    line_credits: Mapped[list[Any] | None]
    credit_terms: Mapped[str | None] = mapped_column(String(500))
    supplier_notes: Mapped[str | None]
    received_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))

    purchase_return: Mapped["TransactionHeader"] = relationship(lazy="raise")
