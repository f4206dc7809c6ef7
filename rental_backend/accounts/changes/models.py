"""The table of changes of accounts."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Identity, text
from sqlalchemy.orm import Mapped, mapped_column

from ...models import Model


# D113: kept by triggers.
class AccountChange(Model):
    """A session that ended, or without one: a user whose rights changed. Triggers write it, nobody else.

    The rows that an earlier snapshot did not see are all that changed since, however long their transactions took.
    A row can go after `expires_at`, when no token is left from before the change.
    """

    __tablename__ = "account_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(
        BigInteger, index=True, server_default=text("((pg_current_xact_id())::text)::bigint")
    )
    user_id: Mapped[uuid.UUID]
    session_id: Mapped[uuid.UUID | None]
    changed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    expires_at: Mapped[datetime] = mapped_column(index=True)
