"""Each change of a rental's status."""

import enum
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from ...models import Model, Retirable, one_of

if TYPE_CHECKING:
    pass


class StatusChangeReason(enum.StrEnum):
    """Why the status of a rental changed."""

    SCHEDULED_UPDATE = "SCHEDULED_UPDATE"
    RETURN_EVENT = "RETURN_EVENT"
    MANUAL_UPDATE = "MANUAL_UPDATE"
    EXTENSION = "EXTENSION"
    LATE_FEE_APPLIED = "LATE_FEE_APPLIED"
    DAMAGE_ASSESSMENT = "DAMAGE_ASSESSMENT"


class RentalStatusLog(Retirable, Model):
    """One change of the status of a rental, or with `transaction_line_id` of a line."""

    __tablename__ = "rental_status_logs"
    __table_args__ = (
        Index("idx_status_log_batch", "batch_id"),
        Index("idx_status_log_changed_at", "changed_at"),
        Index("idx_status_log_line", "transaction_line_id"),
        Index("idx_status_log_reason", "change_reason"),
        Index("idx_status_log_system", "system_generated"),
        Index("idx_status_log_transaction", "transaction_id"),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id"))
    transaction_line_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_lines.id"))
    rental_lifecycle_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("rental_lifecycles.id"), index=True)
    old_status: Mapped[str | None] = mapped_column(String(30))
    new_status: Mapped[str] = mapped_column(String(30))
    change_reason: Mapped[StatusChangeReason] = mapped_column(one_of(StatusChangeReason, 30))
    change_trigger: Mapped[str | None] = mapped_column(String(50))
    changed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=func.now())
    notes: Mapped[str | None]
    status_metadata: Mapped[dict[str, Any] | None]
    system_generated: Mapped[bool] = mapped_column(default=False)
    batch_id: Mapped[str | None] = mapped_column(String(50))
