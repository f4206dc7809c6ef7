"""What operators do to the service is logged, whatever is away."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.audit import service as audit
from rental_backend.accounts.models import SecurityAuditLog
from rental_backend.actor import Actor
from tests import factories

AWAY = "postgresql://127.0.0.1:1/rental"


def _force_open(app: Flask, actor: Actor) -> None:
    """Log an order to a breaker."""
    event = audit.change(
        actor,
        "FORCE_OPEN",
        "breakers",
        "database",
        before={"state": "closed", "until": None, "ttl": 60},
        after={"state": "forced-open", "until": None, "ttl": 60},
        reason="maintenance",
    )
    app.extensions["services"].audit_outbox.write(event)


def test_an_order_is_logged_without_the_database(build: Callable[..., Flask], session: Session, tmp_path: Path) -> None:
    """Who, what, before, after, request and address reach the table when it can be reached, once."""
    user = factories.user(session)
    actor = Actor(user.id, user.username, "10.0.0.7", "a browser", "request-7")
    folder = str(tmp_path / "journal")
    _force_open(build(DATABASE_URL=AWAY, JOURNAL_FOLDER=folder), actor)

    app = build(JOURNAL_FOLDER=folder)
    services = app.extensions["services"]
    services.identity.breaker.probe(services.identity.database.probe)
    assert (services.audit_outbox.flush(), services.audit_outbox.flush()) == (1, 0)

    # What other applications of this process wrote down earlier may come at any moment.
    (row,) = session.scalars(select(SecurityAuditLog).where(SecurityAuditLog.user_id == user.id))
    assert (row.user_id, row.user_name, row.ip_address, row.user_agent) == (
        user.id,
        user.username,
        "10.0.0.7",
        "a browser",
    )
    assert (row.action, row.resource, row.resource_id, row.success) == ("FORCE_OPEN", "breakers", "database", True)
    assert row.details == {
        "before": {"state": "closed"},
        "after": {"state": "forced-open"},
        "reason": "maintenance",
        "request_id": "request-7",
    }


def test_a_full_disk_stops_no_operator(
    build: Callable[..., Flask], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was done, and by whose id, is in the log of the process then; the name is not."""
    (tmp_path / "file").touch()
    actor = Actor(uuid.uuid4(), "ann")

    _force_open(build(JOURNAL_FOLDER=str(tmp_path / "file")), actor)

    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["event"], said["error"], said["level"]) == ("not journalled", "FileExistsError", "error")
    assert (said["action"], said["actor"]) == ("FORCE_OPEN", str(actor.id))
    assert said["details"]["after"] == {"state": "forced-open"}
    assert "ann" not in said.values()
