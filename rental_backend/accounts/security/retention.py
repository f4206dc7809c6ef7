"""What is deleted of the accounts when nobody needs it any more: ended sessions, reset tokens, old tries, old log."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Interval, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ..changes.models import AccountChange
from ..models import LoginAttempt, PasswordResetToken, RefreshToken, SecurityAuditLog

SPARE = timedelta(days=1)  # no token lives on after its end; a day lets an investigator see it
ATTEMPTS = timedelta(days=90)  # where no setting says how long the log is kept


# D39: how long the log is kept.
def purge(session: Session, most: int) -> dict[str, int]:
    """Delete what is old, at most `most` rows of each table; return how many of which.

    Sessions, reset tokens and changes of accounts go a day after they expired. The audit log goes when it is older than
    the setting `audit_log_retention_days` (which the database itself insists on: without it, never), and tries to sign
    in with it.
    """
    return {kind.class_.__tablename__: _delete(session, kind, old, most) for kind, old in _old()}


def _old() -> Iterator[tuple[InstrumentedAttribute[Any], ColumnElement[bool]]]:
    """Yield the key of each table, and which rows are old."""
    retention = func.security_audit_logs_retention(type_=Interval)
    yield RefreshToken.id, RefreshToken.expires_at < func.now() - SPARE
    yield PasswordResetToken.id, PasswordResetToken.expires_at < func.now() - SPARE
    yield AccountChange.id, AccountChange.expires_at < func.now() - SPARE
    yield LoginAttempt.id, LoginAttempt.attempted_at < func.now() - func.coalesce(retention, ATTEMPTS)
    yield SecurityAuditLog.id, SecurityAuditLog.timestamp < func.now() - retention


def _delete(session: Session, key: InstrumentedAttribute[Any], old: ColumnElement[bool], most: int) -> int:
    # As a subquery it may be run again for each row, and finds other rows each time, since it skips its own.
    some = select(key.label("id")).where(old).limit(most).with_for_update(skip_locked=True).cte("some")
    return len(session.scalars(delete(key.class_).where(key.in_(select(some.c.id))).returning(key)).all())
