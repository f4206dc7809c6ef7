"""What happened to transactions."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from ...models import Model, Retirable

if TYPE_CHECKING:
    pass


class TransactionEvent(Retirable, Model):
    """One step in the history of a transaction."""

    __tablename__ = "transaction_events"
    __table_args__ = (
        Index("idx_transaction_events_category_status", "event_category", "status", "event_timestamp"),
        Index("idx_transaction_events_correlation", "correlation_id"),
        Index("idx_transaction_events_event_type", "event_type"),
        Index("idx_transaction_events_operation", "operation_name"),
        Index("idx_transaction_events_status", "status"),
        Index("idx_transaction_events_timestamp", "event_timestamp"),
        Index("idx_transaction_events_tx_type_time", "transaction_id", "event_type", "event_timestamp"),
    )

    transaction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("transaction_headers.id", ondelete="CASCADE"))
    event_type: Mapped[str] = mapped_column(String(50))
    event_category: Mapped[str] = mapped_column(String(30))
    description: Mapped[str]
    event_data: Mapped[dict[str, Any] | None]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(String(100))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(500))
    service_name: Mapped[str | None] = mapped_column(String(50))
    operation_name: Mapped[str | None] = mapped_column(String(100))
    correlation_id: Mapped[str | None] = mapped_column(String(100))
    event_timestamp: Mapped[datetime] = mapped_column(default=func.now())
    processing_duration_ms: Mapped[str | None] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20), default="SUCCESS")
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None]
    affected_entities: Mapped[list[Any] | None]
