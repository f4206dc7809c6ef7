"""Every error is a problem document (RFC 9457), whoever raised it, and tells nothing it should not."""

import json
import re
import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Caller
from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.toys import CRASH

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_unexpected_error_is_a_500_that_tells_nothing(toy_app: Flask) -> None:
    """A crash is a problem too; what it said stays in the log."""
    answer = toy_app.test_client().get("/api/toys/crash")

    said = refusal(answer, 500)
    assert (said["code"], said["title"]) == ("internal_error", "Internal error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


def test_an_unexpected_error_is_logged_with_its_request_id(toy_app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads the log finds the stack by the id that the client was told, and not what the error said."""
    said = refusal(toy_app.test_client().get("/api/toys/crash"), 500)

    (line,) = [line for line in capsys.readouterr().out.splitlines() if "unexpected error" in line]
    assert said["request_id"] in line
    stack = json.loads(line)["exception"]
    assert stack.endswith("\nRuntimeError")
    assert 'toys.py", line' in stack
    assert CRASH not in line


def test_a_want_of_memory_is_503_wherever_it_shows(toy_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own is no fault of the program, and none of who asks."""

    def without_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setitem(toy_app.view_functions, "toys.crash", without_memory)

    answer = toy_app.test_client().get("/api/toys/crash")

    assert refusal(answer, 503)["code"] == "busy"
    assert answer.headers["Retry-After"] == "5"


def test_an_unknown_path_is_404(signed_in: Caller, client: FlaskClient) -> None:
    """What is not there is a problem, not a page of HTML."""
    assert refusal(signed_in().get("/api/no/such/thing"), 404)["code"] == "not_found"
    assert refusal(client.get("/no/such/thing"), 404)["code"] == "not_found"


def test_a_method_that_is_not_served_is_405_with_those_that_are(signed_in: Caller) -> None:
    """A 405 says in `Allow` what would be answered."""
    answer = signed_in().patch("/api/customers/")

    assert refusal(answer, 405)["code"] == "method_not_allowed"
    assert {"GET", "HEAD", "POST", "OPTIONS"} <= set(answer.headers["Allow"].split(", "))


def test_a_media_type_that_is_not_read_is_415(client: FlaskClient) -> None:
    """A body that is not JSON is refused with what would be read."""
    said = refusal(client.post("/api/auth/login", data="x", content_type="text/plain"), 415)

    assert said["code"] == "unsupported_media_type"
    assert "application/json" in said["detail"]


def test_several_faults_are_told_at_once(signed_in: Caller) -> None:
    """Every field at fault is named, each with its messages as a list of sentences."""
    body = {"customer_code": "x" * 21, "customer_type": "ALIEN", "email": "nobody", "no_such": 1}

    said = refusal(signed_in().post("/api/customers/", json=body), 422, fields=tuple(body))

    assert set(said["errors"]) == set(body)
    assert all(isinstance(text, str) for messages in said["errors"].values() for text in messages)


def test_a_clash_found_by_the_database_is_409_and_names_the_field(player: Player) -> None:
    """A uniqueness that only the database knows is a conflict; the value itself is not repeated."""
    client = player()
    assert client.post("/api/toys/", json={"name": "bear"}).status_code == 201

    answer = client.post("/api/toys/", json={"name": "bear"})

    refusal(answer, 409, fields=("name",))
    assert "bear" not in answer.text


def test_an_outage_is_503_and_says_when_to_come_back(dark_app: Flask) -> None:
    """A call that needs what is away is refused at once, with the seconds to wait in header and body."""
    tokens = dark_app.extensions["services"].identity.tokens
    token, _ = tokens.sign("access", uuid.uuid4(), "a", session=uuid.uuid4(), superuser=True)

    answer = dark_app.test_client().get("/api/customers/", headers={"Authorization": f"Bearer {token}"})

    said = refusal(answer, 503)
    assert (said["code"], said["dependency"]) == ("dependency_unavailable", "database")
    assert said["retry_after"] == int(answer.headers["Retry-After"]) >= 1
    assert "hidden-word" not in answer.text


def test_a_sign_in_during_an_outage_is_503(dark_app: Flask) -> None:
    """Nobody new is let in from memory."""
    answer = dark_app.test_client().post("/api/auth/login", json={"username": "a", "password": "b"})

    assert refusal(answer, 503)["dependency"] == "auth"


def test_a_request_id_is_given(client: FlaskClient) -> None:
    """Who sends no id gets one."""
    assert UUID4.fullmatch(client.get("/nowhere").headers["X-Request-ID"])


@pytest.mark.parametrize("given", ["a", "7b0f4a4e-5c5c-4a29-9a5c-0f6f3c1f7a11", "a:b_c.d-1", "x" * 128])
def test_a_request_id_is_echoed(client: FlaskClient, given: str) -> None:
    """Who sends an id gets it back, in the header and in the problem."""
    answer = client.get("/nowhere", headers={"X-Request-ID": given})

    assert refusal(answer, 404)["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "<script>", "é", '"', "a,b", "{}"])
def test_a_strange_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    """What could harm a log or a page is not repeated."""
    answer = client.get("/nowhere", headers={"X-Request-ID": given})

    assert UUID4.fullmatch(str(refusal(answer, 404)["request_id"]))
