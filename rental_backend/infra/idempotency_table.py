"""The table of requests that must not take effect twice."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..models import Model

LIFETIME = "now() + interval '24 hours'"


class IdempotencyKey(Model):
    """An idempotency key that a caller sent with a request, and the response they got.

    The row is inserted first, in the transaction of the request's effect: both are there or neither. A repetition
    waits for the row meanwhile. Without a `status` only this is known: the request has taken effect.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("key <> ''", name="key"),
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint"),
        CheckConstraint("num_nulls(status, headers, body) IN (0, 3)", name="status"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
    )

    caller_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes]  # HMAC-SHA-256 of method, path and body: another request with the same key is refused
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(server_default=text(LIFETIME), index=True)
