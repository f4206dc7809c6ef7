"""The log of changes: from one day of the business to another, both included."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from rental_backend.accounts.models import SecurityAuditLog
from tests.conftest import Caller
from tests.refusals import refusal

LOGS = "/api/system/audit-logs"
MIDNIGHT = datetime(2026, 3, 9, 18, 30, tzinfo=UTC)  # in Kolkata; March 10th begins
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def log(session: Session, seeded: None) -> None:  # noqa: ARG001
    """Entries at both ends of March 10th in Kolkata, named by when they were made."""
    ends = {"before": -MOMENT, "first": timedelta(0), "last": timedelta(1) - MOMENT, "after": timedelta(1)}
    for name, since in ends.items():
        session.add(
            SecurityAuditLog(action=name, user_name="clerk", resource="days", success=True, timestamp=MIDNIGHT + since)
        )
    session.commit()


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("start_date=2026-03-10&end_date=2026-03-10", "last first"),
        ("end_date=2026-03-09", "before"),
        ("start_date=2026-03-11", "after"),
        ("start_date=2026-03-10T00:00:00%2B05:30&end_date=2026-03-10T18:30:00Z", "after last first"),
        ("start_date=2026-03-09T18:30:00&end_date=2026-03-09T18:30:00", "first"),
    ],
)
def test_a_day_is_a_whole_day_of_the_shop(signed_in: Caller, query: str, names: str) -> None:
    """The last day has all its entries; a time is the instant that it says, UTC without a zone."""
    found = signed_in("AUDIT_VIEW").get(f"{LOGS}?entity_type=days&{query}").get_json()

    assert [each["action"] for each in found] == names.split()


@pytest.mark.parametrize("field", ["start_date", "end_date"])
@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-05:00", "9999-12-31", "0001-01-01T00:00:00%2B14:00", "today"])
def test_a_day_beyond_all_readers_is_refused(signed_in: Caller, field: str, value: str) -> None:
    """By its name, as everywhere."""
    refusal(signed_in("AUDIT_VIEW").get(f"{LOGS}?{field}={value}"), 422, fields=(field,))
