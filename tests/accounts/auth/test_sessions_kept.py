"""An ending is kept by everything that remembers it for as long as any token of the session could be used."""

import uuid
from pathlib import Path
from typing import Any

import jwt
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.accounts.changes import service as changes
from rental_backend.infra.identity.revocation_journal import RevocationJournal
from rental_backend.infra.identity.revocation_store import ENTRIES, ORDER
from tests import factories
from tests.accounts.auth.test_sessions import LOGOUT, Device


def said(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_an_ending_outlives_the_refresh_token(app: Flask, session: Session, settings: dict[str, str]) -> None:
    """In the process, in Redis, in the journal and in the database: an access token's life would be far too short.

    A refresh token lives for days. Whoever has kept it would come back with it in the next outage.
    """
    here = Device(app, factories.user(session, password=factories.STRONG))
    ended, last = uuid.UUID(said(here.access)["sid"]), said(here.refresh)["exp"]
    here.client.post(LOGOUT, json={})

    services = app.extensions["services"]
    revocations = services.identity.revocations
    listed = revocations._store.read(0)
    assert listed is not None
    kept = {
        "process": revocations.ended[ended.int],
        "redis": listed.changes.ended[ended],
        "journal": RevocationJournal(Path(settings["JOURNAL_FOLDER"])).read()[ended],
        "database": changes.load(session, "").ended[ended],
    }

    assert last - said(here.access)["exp"] > 86400
    assert {name: end for name, end in kept.items() if end < last - 1} == {}
    for key in (ORDER, ENTRIES):
        assert services.cache._client.ttl(key) > last - said(here.access)["iat"] - 60
