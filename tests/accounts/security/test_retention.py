"""What is old goes by itself, what is not stays, and the audit log lets go of nothing that is to be kept."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from rental_backend.accounts.changes.models import AccountChange
from rental_backend.accounts.models import (
    LoginAttempt,
    PasswordResetToken,
    RefreshToken,
    SecurityAuditLog,
)
from rental_backend.accounts.security import retention as purging
from rental_backend.infra.runtime import retention as sweeping
from rental_backend.infra.runtime.retention import TURN, RetentionJob
from rental_backend.settings.business.seed import add_settings
from rental_backend.settings.models import SystemSetting
from rental_backend.web.middleware import logs
from tests import factories
from tests.serving import until

NOW = datetime.now(UTC)
TABLES = (RefreshToken, PasswordResetToken, LoginAttempt, SecurityAuditLog)


def _days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def _fill(session: Session, *ages: float) -> None:
    """Store a row of each table that ended, or happened, so many days ago."""
    user = factories.user(session)
    for age in ages:
        factories.begin(session, user, expires_at=_days_ago(age))
        session.add(PasswordResetToken(token=uuid.uuid4().hex, user_id=user.id, expires_at=_days_ago(age)))
        session.add(LoginAttempt(email="x", ip_address="y", success=False, attempted_at=_days_ago(age)))
        log = SecurityAuditLog(user_name="x", action="TEST", resource="toys", success=True, timestamp=_days_ago(age))
        session.add(log)
    session.commit()


def _left(session: Session) -> list[int]:
    """Return how many rows each table has."""
    session.rollback()
    return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def _keep_for(session: Session, days: str) -> None:
    add_settings(session)
    setting = select(SystemSetting).where(SystemSetting.setting_key == "audit_log_retention_days")
    session.scalars(setting).one().setting_value = days
    session.commit()


@pytest.fixture
def retention_job(app: Flask) -> RetentionJob:
    """The one of the application, whose own thread comes much later."""
    found: RetentionJob = app.extensions["services"].retention_job
    return found


@pytest.mark.parametrize(
    ("days", "kept"),
    [("60", [1, 1, 4, 4]), ("5", [1, 1, 3, 3]), ("nonsense", [1, 1, 5, 6]), (None, [1, 1, 5, 6])],
)
def test_what_is_old_goes(session: Session, retention_job: RetentionJob, days: str | None, kept: list[int]) -> None:
    """Tokens a day after their end; tries and log as the setting says, a month at least; without one the log stays."""
    if days is not None:
        _keep_for(session, days)
    _fill(session, 0.5, 2, 29, 59, 61, 91)

    gone = retention_job.run()

    assert _left(session) == kept
    gone.pop(AccountChange.__tablename__)  # what the rows above brought about
    assert gone == {table.__tablename__: 6 - left for table, left in zip(TABLES, kept, strict=True)}


def test_it_goes_in_small_batches(session: Session, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a transaction of its own, so that nobody waits for long."""
    monkeypatch.setattr(sweeping, "BATCH", 2)
    monkeypatch.setattr(sweeping, "PAUSE", 0.0)
    _fill(session, *[3.0] * 5)
    asked: list[int] = []

    def purge(session: Session, most: int) -> dict[str, int]:
        asked.append(most)
        return purging.purge(session, most)

    retention_job = RetentionJob(app.extensions["services"].database)
    retention_job.delete_with(purge)

    assert retention_job.run()["refresh_tokens"] == 5
    assert asked == [2, 2, 2]


def test_one_worker_sweeps(session: Session, retention_job: RetentionJob) -> None:
    """While another is at it this one does nothing."""
    _fill(session, 3)
    session.execute(select(func.pg_advisory_xact_lock(TURN)))
    assert retention_job.run() == {}

    session.rollback()

    assert retention_job.run()["refresh_tokens"] == 1


def test_it_sweeps_in_the_background(session: Session, app: Flask) -> None:
    """One thread a process, which ends when it is told to."""

    def threads() -> int:
        return sum(thread.name == "sweeper" for thread in threading.enumerate())

    _fill(session, 3)
    before, retention_job = threads(), RetentionJob(app.extensions["services"].database)
    retention_job.delete_with(purging.purge)
    retention_job.start(0.05)
    retention_job.start(0.05)
    assert threads() == before + 1
    until(lambda: _left(session)[0] == 0)
    retention_job.stop()
    until(lambda: threads() == before)


def test_a_command_purges(session: Session, app: Flask) -> None:
    """It says what it deleted."""
    _fill(session, 3)
    with app.app_context():
        said = [app.test_cli_runner().invoke(args=["purge"]).output for _ in range(2)]
    logs.configure("WARNING")  # commands log errors only
    assert said == ["Deleted: 1 refresh_tokens, 1 password_reset_tokens.\n", "Deleted: nothing.\n"]


@pytest.mark.parametrize("statement", [
    "DELETE FROM security_audit_logs",
    "UPDATE security_audit_logs SET action = 'NOTHING'",
    "TRUNCATE security_audit_logs",
])  # fmt: skip
def test_the_log_is_append_only(session: Session, statement: str) -> None:
    """Nobody deletes what is younger than a month, or changes anything, whatever the setting says."""
    _keep_for(session, "1")
    _fill(session, 29, 40)

    with pytest.raises(ProgrammingError, match="append-only"):
        session.execute(text(statement))

    assert _left(session)[-1] == 2


def test_a_sweeper_without_a_sweep_is_a_mistake_of_ours(app: Flask) -> None:
    """It says so."""
    with pytest.raises(RuntimeError, match="sweep_with"):
        RetentionJob(app.extensions["services"].database).run()
