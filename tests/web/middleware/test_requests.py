"""What surrounds every request: in which order, by the path alone, and without cookies."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, after_this_request
from flask import session as flask_session
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.web.middleware import logs
from rental_backend.web.middleware.requests import Application
from tests import factories


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request", "url_value_preprocessor"])
def test_a_blueprint_with_hooks_is_refused(hook: str) -> None:
    """They would never be called, so that nobody may rely on them."""
    bp = Blueprint("bold", __name__)
    register: Callable[..., Any] = getattr(bp, hook)
    register(lambda *_: None)

    with pytest.raises(RuntimeError, match="bold has functions of its own"):
        Application(__name__).register_blueprint(bp)


def test_what_comes_after_a_request_is_called_backwards() -> None:
    """As Flask does: what a view wants done comes first, and who was registered first has the last word."""
    app, called = Application(__name__), []

    def noting(name: str) -> Callable[[Response], Response]:
        return lambda response: (called.append(name), response)[1]

    def view() -> str:
        after_this_request(noting("this"))
        return ""

    app.after_request(noting("first"))
    app.after_request(noting("second"))
    app.add_url_rule("/", view_func=view)

    app.test_client().get("/")

    assert called == ["this", "second", "first"]


def test_what_ends_a_request_is_called_backwards_whatever_came_of_it() -> None:
    """It is told the error that nobody handled, if there was one."""
    told: list[tuple[str, BaseException | None]] = []
    app = Application(__name__)
    app.teardown_request(lambda error: told.append(("first", error)))
    app.teardown_request(lambda error: told.append(("second", error)))
    app.add_url_rule("/", view_func=lambda: "")
    error = RuntimeError("unhandled")

    app.test_client().get("/")
    with app.test_request_context("/") as context:
        context.pop(error)
        context.push()

    assert told[:4] == [("second", None), ("first", None), ("second", error), ("first", error)]


@pytest.mark.parametrize("host", ["www.example.com", "x y", "a" * 300, "[::1"])
def test_the_host_of_a_request_decides_nothing(client: FlaskClient, host: str) -> None:
    """Whatever name it was sent to, the path finds the view, and nothing breaks."""
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_no_cookie_is_ever_set(app: Flask, client: FlaskClient) -> None:
    """Callers are known by tokens only."""
    with app.test_request_context():
        assert app.session_interface.is_null_session(flask_session._get_current_object())  # type: ignore[attr-defined]
    assert "Set-Cookie" not in client.get("/api/health").headers


def test_the_line_of_a_refused_request_names_its_caller(
    build: Callable[..., Flask], session: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    """Somebody who lacks a permission is in the log by their user name, as somebody who has it is."""
    app = build(LOG_LEVEL="INFO")
    user = factories.user(session, username="ann", permissions=("ITEM_VIEW",))
    scopes = frozenset({"ITEM_VIEW"})
    token = factories.token(session, app.extensions["services"].identity.tokens, user, scopes=scopes)
    logging.getLogger().setLevel(logging.INFO)

    answer = app.test_client().get("/api/customers", headers={"Authorization": f"Bearer {token}"})
    logs.configure("WARNING")

    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (answer.status_code, line["status"], line["user"]) == (403, 403, "ann")
