"""`Idempotency-Key`: what is sent again takes effect once and is answered the same; on games and toys."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from rental_backend.infra.idempotency_table import IdempotencyKey
from rental_backend.web.endpoint import idempotency
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.routes.walking import routes
from tests.statements import statements
from tests.web.conftest import Player
from tests.web.sample_resource import FORBIDDEN, Game, stored

PATH = "/api/games"
GO = {"name": "Go"}


def _keys(shelf: Session) -> list[IdempotencyKey]:
    shelf.rollback()
    return list(shelf.scalars(select(IdempotencyKey)))


def _games(shelf: Session) -> int:
    shelf.rollback()
    return shelf.scalar(select(func.count()).select_from(Game)) or 0


def _post(client: FlaskClient, body: Any, key: str = "k-1", path: str = PATH) -> Any:
    return client.post(path, json=body, headers={"Idempotency-Key": key})


def test_what_is_sent_again_is_answered_the_same(player: Player, shelf: Session) -> None:
    """The second answer has the status, headers and body of the first, says that it is one, and nothing is done."""
    client = player()

    first, second = _post(client, GO), _post(client, GO)

    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    assert (second.status_code, second.data) == (201, first.data)
    assert second.headers["Idempotency-Replayed"] == "true"
    for name in ("Location", "ETag", "Content-Type"):
        assert second.headers[name] == first.headers[name]
    assert _games(shelf) == 1


def test_without_a_key_everything_is_done_again(toy_app: Flask, player: Player, shelf: Session) -> None:
    """Who sends no key pays for none: no statement more, no row, and the second of the same clashes."""
    client = player()

    with statements(toy_app) as sent:
        assert client.post("/api/game-shop", json=GO).status_code == 201

    refusal(client.post("/api/game-shop", json=GO), 409)
    assert len(sent) == 2
    assert _keys(shelf) == []


def test_a_key_is_of_one_request_and_one_caller(player: Player, shelf: Session) -> None:
    """With another body, path or method a key is refused; another caller has keys of his own."""
    client, other = player(), player()
    made = _post(client, GO).get_json()

    for refused in (
        _post(client, {"name": "Go "}),
        _post(client, GO, path=f"{PATH}?x=1"),
        _post(client, GO, path="/api/game-shop"),
        client.put(f"{PATH}/{made['id']}", json=GO, headers={"Idempotency-Key": "k-1"}),
    ):
        assert refusal(refused, 422)["code"] == "idempotency_key_reused"
    assert _post(other, {"name": "Chess"}).status_code == 201
    assert _games(shelf) == 2


@pytest.mark.parametrize("body", [{"name": FORBIDDEN}, {"name": "Go", "players": 0}, {"name": ""}, {"no": 1}])
def test_a_refusal_is_not_kept(player: Player, shelf: Session, body: dict[str, Any]) -> None:
    """What had no effect may be mended and sent again with the same key."""
    client = player()

    assert _post(client, body).status_code in (409, 422)
    assert _keys(shelf) == []
    assert _post(client, GO).status_code == 201


def test_a_refusal_that_leaves_a_trace_is_not_kept(player: Player, shelf: Session) -> None:
    """An error that keeps its transaction gives its key back."""
    assert refusal(_post(player(), {"name": "bear"}, path="/api/toys/play"), 409)["code"] == "played"

    assert _keys(shelf) == []


def test_a_crash_is_not_kept(player: Player, shelf: Session) -> None:
    """What failed unexpectedly has had no effect, and its key is free."""
    refusal(_post(player(), {"name": "bear"}, path="/api/toys/break"), 500)

    assert _keys(shelf) == []


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256, "tab\t1", "one,two"])
def test_a_key_that_is_none_is_refused(player: Player, shelf: Session, key: str) -> None:
    """A key has 1 to 255 visible ASCII characters and is sent once: two headers arrive as one, divided by a comma."""
    assert refusal(_post(player(), GO, key), 400)["code"] == "invalid_idempotency_key"
    assert _games(shelf) == 0


def test_a_read_has_no_key(player: Player, shelf: Session) -> None:
    """Reads may be repeated as they are."""
    assert player().get(PATH, headers={"Idempotency-Key": "k-1"}).status_code == 200
    assert _keys(shelf) == []


def test_every_kind_of_change_has_a_key(player: Player, shelf: Session) -> None:
    """Changes, verbs, deletions and imports are answered from memory too, whatever has changed meanwhile."""
    (game,) = stored(shelf, ["Go"])
    client, path = player(), f"{PATH}/{game.id}"
    tag = client.get(path).headers["ETag"]
    changes: dict[str, Callable[[], Any]] = {
        "change": lambda: client.put(path, json={"players": 4}, headers={"Idempotency-Key": "1", "If-Match": tag}),
        "verb": lambda: client.post(f"{path}/play", headers={"Idempotency-Key": "2"}),
        "retire": lambda: client.delete(path, headers={"Idempotency-Key": "3"}),
        "import": lambda: _post(client, [{"name": "Nim"}, {}], "4", f"{PATH}/import"),
    }

    for change in changes.values():
        first, second = change(), change()
        assert (second.status_code, second.data) == (first.status_code, first.data)
        assert ("Idempotency-Replayed" in first.headers, "Idempotency-Replayed" in second.headers) == (False, True)
        client.put(path, json={"players": 7, "is_active": True})


def test_who_sends_the_same_meanwhile_is_told_to_wait(player: Player, shelf: Session) -> None:
    """As long as the first is at work the second waits, and is then told when to ask again."""
    client = player()
    _post(client, GO)
    (kept,) = _keys(shelf)
    kept.expires_at = datetime.now(UTC) + timedelta(hours=1)
    shelf.flush()  # and so locked, as by the request at work

    answer = _post(client, GO)

    assert refusal(answer, 409)["code"] == "request_in_progress"
    assert answer.headers["Retry-After"] == "1"
    shelf.rollback()
    assert _post(client, GO).status_code == 201


def test_a_key_is_good_for_a_day(player: Player, shelf: Session) -> None:
    """After 24 hours it is a new one; each request with a key removes a few that have had their time."""
    client = player()
    _post(client, GO)
    assert (_keys(shelf)[0].expires_at - _keys(shelf)[0].created_at) == timedelta(hours=24)
    ago = {"created_at": func.now() - timedelta(hours=25), "expires_at": func.now() - timedelta(seconds=1)}
    owner = _keys(shelf)[0].caller_id
    shelf.add_all(IdempotencyKey(caller_id=owner, key=f"old {number}", fingerprint=b"x" * 32) for number in range(30))
    shelf.flush()
    shelf.execute(update(IdempotencyKey).values(**ago))
    shelf.commit()

    again = _post(client, {"name": "Chess"})

    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (201, False)
    left = _keys(shelf)
    assert len(left) == 30 - idempotency.PURGED + 1
    assert "k-1" in {each.key for each in left}
    assert _post(client, {"name": "Chess"}).headers["Idempotency-Replayed"] == "true"


def test_a_long_answer_is_known_but_not_kept(player: Player, shelf: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer that is too long only this is known: it was given, and the change was made once."""
    monkeypatch.setattr(idempotency, "LONGEST_BODY", 10)
    client = player()

    assert _post(client, GO).status_code == 201
    assert refusal(_post(client, GO), 409)["code"] == "answer_not_kept"
    assert _games(shelf) == 1


def test_a_secret_is_not_kept(signed_in: Caller, session: Session) -> None:
    """A token that is shown only once is not stored beside its key; nor can a password be guessed by its digest."""
    user, admin = factories.user(session), signed_in()
    path = f"/api/users/{user.id}/reset-token"

    made = _post(admin, {}, path=path)

    assert made.status_code == 201, made.text
    (kept,) = _keys(session)
    assert (kept.status, kept.body) == (None, None)
    assert refusal(_post(admin, {}, path=path), 409)["code"] == "answer_not_kept"


def test_what_creates_has_a_session(app: Flask) -> None:
    """A key is kept in the request's transaction, so every view that creates something takes its session."""
    bare = [
        str(route)
        for route in routes(app, "POST", "PUT", "PATCH", "DELETE")
        if route.contract.status == 201 and "session" not in route.takes
    ]

    assert bare == []


def test_a_key_goes_with_nobody(toy_app: Flask) -> None:
    """Who is not signed in is not known again; his key is not looked at."""
    answer = toy_app.test_client().post("/api/toys/any", headers={"Idempotency-Key": str(uuid.uuid4())})

    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)
