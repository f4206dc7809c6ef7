"""Where answers may be kept on their way: tokens and files nowhere, what is for one caller by their browser only."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from rental_backend.settings.models import SystemBackup
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import PUBLIC
from tests import factories
from tests.conftest import Caller
from tests.routes.walking import answered, known_ids, routes

pytestmark = pytest.mark.long

SECRETS = {"access_token", "refresh_token", "token", "password", "secret", "api_key"}
OWN = "private, no-cache"
NOWHERE = "no-store"


def _names(form: Schema, seen: tuple[type, ...] = ()) -> Iterator[str]:
    """Yield the names of all that a form answers, nested ones too."""
    for name, field in form.dump_fields.items():
        yield field.data_key or name
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested) and type(inner.schema) not in seen:
            yield from _names(inner.schema, (*seen, type(inner.schema)))


def test_what_answers_a_secret_is_declared_as_one(app: Flask) -> None:
    """So that it is kept neither here nor on the way."""
    found = {
        f"{method} {rule}": contract.secret
        for _, method, rule, contract in contracts(app)
        if (contract.returns and SECRETS & set(_names(contract.returns)))
        or "application/octet-stream" in contract.media
    }

    assert {name for name, secret in found.items() if not secret} == set()
    assert {"POST /api/auth/login", "POST /api/auth/refresh", "GET /api/system/backups/<uuid:id>/download"} <= set(
        found
    )


def test_tokens_are_kept_nowhere(client: FlaskClient, signed_in: Caller, session: Session) -> None:
    """Those of a sign-in, of a refresh, and of a reset."""
    user = factories.user(session)
    entered = client.post("/api/auth/login", json={"username": user.username, "password": factories.PASSWORD})
    refreshed = client.post("/api/auth/refresh", json={"refresh_token": entered.get_json()["refresh_token"]})
    issued = signed_in().post(f"/api/users/{user.id}/reset-token", json={})

    for answer in (entered, refreshed, issued):
        assert answer.status_code < 300
        assert answer.headers.getlist("Cache-Control") == [NOWHERE]


def test_the_file_of_a_backup_is_kept_nowhere(app: Flask, signed_in: Caller, session: Session) -> None:
    """It holds everything."""
    client = signed_in()
    made = client.post("/api/system/backups", json={"backup_name": "a file"})
    assert made.status_code < 300, made.text
    made_id = made.get_json()["id"]
    path = app.extensions["services"].backups.path(made_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"all of it")
    row = session.get_one(SystemBackup, made_id)
    row.backup_status, row.backup_path = "COMPLETED", str(path)
    session.commit()

    answer = client.get(f"/api/system/backups/{made_id}/download")

    assert (answer.status_code, answer.headers.getlist("Cache-Control")) == (200, [NOWHERE]), answer.text


def test_what_is_for_one_caller_is_kept_by_no_shared_cache(app: Flask, signed_in: Caller, session: Session) -> None:
    """Every read that wants a token says so; an export is a file; a refusal is kept by nobody."""
    client, kept = signed_in(), {}
    ids = known_ids(session)
    for route in routes(app, "GET"):
        if route.contract.permission == PUBLIC:
            continue
        answer = answered(app, client, route, ids)
        if answer is not None:
            kept[route.rule.rule] = answer.response.headers.getlist("Cache-Control")

    own = {rule for rule, said in kept.items() if said == [OWN]}
    assert {rule: said for rule, said in kept.items() if said not in ([OWN], [NOWHERE])} == {}
    assert len(own) > 40
    assert kept["/api/customers/export"] == [NOWHERE]
    for path in ("/api/customers/undefined", "/api/nowhere", f"/api/customers/{factories.NOBODY}"):
        assert client.get(path).headers.getlist("Cache-Control") == [NOWHERE]


def test_what_is_unchanged_says_the_same(signed_in: Caller, session: Session) -> None:
    """A 304 has the headers that the whole answer would have (RFC 9110, 15.4.5)."""
    client, path = signed_in(), f"/api/customers/{factories.customer(session).id}"
    whole = client.get(path)

    unchanged = client.get(path, headers={"If-None-Match": whole.headers["ETag"]})

    assert (unchanged.status_code, unchanged.headers.getlist("Cache-Control")) == (304, [OWN])
