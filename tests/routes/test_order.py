"""Who is not known learns nothing, whatever they send: the caller is judged before anything of what was sent is."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import PUBLIC, SIGNED_IN
from tests.conftest import Caller
from tests.refusals import refusal
from tests.routes.test_object_ids import PARAMETER

pytestmark = pytest.mark.long

JSON = {"content_type": "application/json"}
BODIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "broken JSON": {"data": b'{"a', **JSON},
    "no text": {"data": b"\xff\xfe\x00", **JSON},
    "a text": {"data": b"x", "content_type": "text/plain"},
    "JSON without bottom": {"data": b"[" * 5000, **JSON},
    "another shape": {"data": b"[1]", **JSON},
    "unknown fields": {"json": {"no_such_field": 1}},
    "too much": {"data": b"{}", **JSON, "environ_overrides": {"CONTENT_LENGTH": str(2**40)}},
    "no length": {"environ_overrides": {"CONTENT_LENGTH": "many"}},
    "an unknown query": {"query_string": {"no_such_field": "1", "limit": "x", "after": "\0"}},
    "a bad key": {"json": {}, "headers": {"Idempotency-Key": "\xff" * 300}},
    "a bad tag": {"json": {}, "headers": {"If-Match": "x", "If-None-Match": "\xff"}},
}
IDS = {"an id": str(uuid.UUID(int=7)), "no id": "undefined", "NUL": "%00", "a long one": "9" * 400}


def _asked(client: FlaskClient, method: str, rule: str) -> Iterator[tuple[str, TestResponse]]:
    """Yield what is answered to an operation with everything wrong that can be: its path, its query, its body."""
    for named, value in IDS.items():
        path = PARAMETER.sub(value, rule)
        for sent, more in (
            BODIES.items() if named == "an id" or path == rule else [("nothing", {}), ("json", {"json": {}})]
        ):
            yield f"{method} {rule} with {sent} and {named}", client.open(path, method=method, **more)
        if path == rule:
            return


def _wrong(app: Flask, client: FlaskClient, status: int, besides: tuple[str, ...]) -> tuple[list[str], int]:
    """Return the answers that have another status, of operations but for those permissions, and how many there were."""
    wrong, asked = [], 0
    for _, method, rule, contract in contracts(app):
        if contract.permission in besides:
            continue
        for what, answer in _asked(client, method, rule):
            asked += 1
            nowhere = status == 403 and "NUL" in what and any(kind != "uuid" for kind, _ in PARAMETER.findall(rule))
            if answer.status_code != status and not (nowhere and answer.status_code == 404):
                wrong.append(f"{what}: {answer.status_code}")
    return wrong, asked


def test_without_a_token_everything_is_401(app: Flask, client: FlaskClient) -> None:
    """Malformed ids, bodies that are none, too much, unknown queries: whatever it is, and wherever."""
    wrong, asked = _wrong(app, client, 401, (PUBLIC,))

    assert wrong == []
    assert asked > 1500


def test_without_the_permission_everything_is_403(app: Flask, signed_in: Caller) -> None:
    """Who is known and may not learns no more, but for texts in paths that name nothing."""
    wrong, asked = _wrong(app, signed_in("NOTHING_MUCH"), 403, (PUBLIC, SIGNED_IN))

    assert wrong == []
    assert asked > 1500


@pytest.mark.parametrize("path", ["/api/no/such/thing", "/api/", "/api/customers/x/y/z", "/api/v1/nothing", "/api/%00"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PROPFIND"])
def test_a_path_that_is_not_there_is_told_to_who_is_known(
    client: FlaskClient, signed_in: Caller, path: str, method: str
) -> None:
    """Nobody finds out by asking which paths there are."""
    assert client.open(path, method=method).status_code == 401
    assert signed_in("NOTHING_MUCH").open(path, method=method).status_code == 404


def test_a_method_that_is_not_there_is_told_to_who_is_known(app: Flask, client: FlaskClient, signed_in: Caller) -> None:
    """Nor which methods; on a public path everybody is told."""
    known, public = signed_in("NOTHING_MUCH"), 0
    rules = {rule for *_, rule, _ in contracts(app) if rule.startswith("/api/")}
    for rule in rules:
        open_to_all = PUBLIC in {contract.permission for *_, other, contract in contracts(app) if other == rule}
        path = PARAMETER.sub(str(uuid.UUID(int=7)), rule)
        answers = [each.open(path, method="PROPFIND") for each in (client, known)]
        assert [each.status_code for each in answers] == ([405, 405] if open_to_all else [401, 405]), rule
        public += open_to_all
    assert public > 5


def test_a_bad_token_is_no_token(client: FlaskClient) -> None:
    """A path that is not there is no way to try tokens, either: each counts as a stranger's."""
    answer = client.get("/api/no/such/thing", headers={"Authorization": "Bearer nonsense"})

    assert refusal(answer, 401)["code"] == "unauthenticated"
    assert "strangers" in answer.headers["RateLimit-Policy"]
