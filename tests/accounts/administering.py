"""What tests of administration share: clients of given users, the audit log, ways to do things at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.accounts.models import SecurityAuditLog, User
from tests import factories


def client_of(app: Flask, session: Session, user: User) -> FlaskClient:
    """Return a client that holds a token of the user."""
    token = factories.token(session, app.extensions["services"].identity.tokens, user)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def logged(session: Session) -> list[tuple[str, str, str | None, dict[str, Any]]]:
    """Return what the audit log holds, oldest first: action, resource, id and details, without the request's id."""
    session.rollback()
    log = SecurityAuditLog
    rows = session.execute(select(log.action, log.resource, log.resource_id, log.details).order_by(log.timestamp))
    return [(a, r, i, {name: details[name] for name in details if name != "request_id"}) for a, r, i, details in rows]


def at_once(*calls: Callable[[], TestResponse]) -> list[int]:
    """Make all calls at the same moment, and return their statuses."""
    start = Barrier(len(calls))

    def make(call: Callable[[], TestResponse]) -> int:
        start.wait(10)
        return call().status_code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))
