"""The wrapper around every view: who may call, one transaction, how paths are read; on toys and on all routes."""

import base64
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.app import _require_contracts
from rental_backend.infra.identity.tokens import key_name
from rental_backend.infra.postgres.database import Database
from rental_backend.resilience import budget
from rental_backend.web.endpoint.contracts import contract_of
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import commits
from tests.web import toys
from tests.web.conftest import Player
from tests.web.toys import Toy

CUSTOMERS = "/api/customers/"
KEY = "a key for tests, long enough to be taken"


def _names(shelf: Session) -> list[str]:
    shelf.expire_all()
    return sorted(shelf.scalars(select(Toy.name)))


def test_who_lacks_the_permission_is_told_its_name(player: Player) -> None:
    """A 403 names the permission, in words and as a member; it is no 401, which would end the session."""
    answer = player("TOY_CREATE").get("/api/toys/")

    said = refusal(answer, 403)
    assert said["permission"] == "TOY_VIEW"
    assert "TOY_VIEW" in said["detail"]
    assert "WWW-Authenticate" not in answer.headers


def test_who_has_the_permission_or_is_superuser_comes_in(player: Player) -> None:
    """One permission opens what it names; superusers need none."""
    assert player("TOY_VIEW").get("/api/toys/").get_json() == []
    assert player().get("/api/toys/").get_json() == []


def test_some_views_only_want_a_sign_in(player: Player, toy_app: Flask) -> None:
    """A view for anybody signed in takes any permission and still wants a token."""
    said = player("TOY_EAT").get("/api/toys/whoami").get_json()

    assert said["permissions"] == ["TOY_EAT"]
    refusal(toy_app.test_client().get("/api/toys/whoami"), 401)


def test_permission_comes_before_the_payload(player: Player) -> None:
    """Who may not call learns nothing about what would have been valid."""
    refusal(player("TOY_VIEW").post("/api/toys/", json={"no_such": 1}), 403)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "x", "bearer\t"])
def test_without_a_token_it_is_401(client: FlaskClient, header: str | None) -> None:
    """A missing token is 401 with the scheme that would be taken."""
    answer = client.get(CUSTOMERS, headers={} if header is None else {"Authorization": header})

    assert refusal(answer, 401)["reason"] == "missing"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def _claims(owner: uuid.UUID, **more: Any) -> dict[str, Any]:
    claims = {
        "sub": "somebody",
        "user_id": str(owner),
        "sid": str(uuid.uuid4()),
        "type": "access",
        "scopes": [],
        "superuser": True,
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
        "jti": uuid.uuid4().hex,
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT", "kid": key_name(KEY)}, claims)
    return ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in parts) + "."


def _sign(claims: dict[str, Any], key: str = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_name(KEY)})


FORGERIES: dict[str, tuple[Callable[[uuid.UUID], str], str]] = {
    "expired": (lambda owner: _sign(_claims(owner, exp=int(time.time()) - 1)), "expired"),
    "another key": (
        lambda owner: _sign(_claims(owner), "another key, and long enough to be taken too"),
        "invalid",
    ),
    "no algorithm": (lambda owner: _unsigned(_claims(owner)), "invalid"),
    "another algorithm": (lambda owner: _sign(_claims(owner), KEY * 2, "HS512"), "invalid"),
    "no expiry": (lambda owner: _sign(_claims(owner, exp=None)), "invalid"),
    "no user": (lambda owner: _sign(_claims(owner, user_id=None)), "invalid"),
    "no session": (lambda owner: _sign(_claims(owner, sid=None)), "invalid"),
    "a session that is none": (lambda owner: _sign(_claims(owner)), "inactive"),
    "no type": (lambda owner: _sign(_claims(owner, type=None)), "invalid"),
    "a refresh token": (lambda owner: _sign(_claims(owner, type="refresh")), "wrong_kind"),
    "a user that is no id": (lambda owner: _sign(_claims(owner, user_id="1; DROP TABLE users")), "invalid"),
    "a user that is a number": (lambda owner: _sign(_claims(owner, user_id=7)), "invalid"),
    "scopes that are none": (lambda owner: _sign(_claims(owner, scopes=7)), "invalid"),
    "tampered": (lambda owner: _tampered(_sign(_claims(owner, superuser=False))), "invalid"),
    "cut off": (lambda owner: _sign(_claims(owner))[:-5], "invalid"),
    "not a token": (lambda _: "not-a-token", "invalid"),
    "dummy": (lambda _: "dummy", "invalid"),
    "letters": (lambda _: "é.ü.ß", "invalid"),
}


def _tampered(token: str) -> str:
    """Return the token with a payload that grants more, under the old signature."""
    head, payload, signature = token.split(".")
    said = orjson.loads(base64.urlsafe_b64decode(payload + "=="))
    more = base64.urlsafe_b64encode(orjson.dumps({**said, "superuser": True})).decode().rstrip("=")
    return f"{head}.{more}.{signature}"


@pytest.mark.parametrize(("forge", "reason"), FORGERIES.values(), ids=FORGERIES)
def test_a_token_that_is_not_ours_is_401(
    client: FlaskClient, session: Session, forge: Callable[[uuid.UUID], str], reason: str
) -> None:
    """Expired, forged and misused tokens are 401 with the reason, however real the user is."""
    token = forge(factories.user(session, is_superuser=True).id)

    for path in (CUSTOMERS, "/api/auth/me"):
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert refusal(answer, 401)["reason"] == reason
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_made_the_same_way_and_sound_is_taken(client: FlaskClient, session: Session) -> None:
    """The forgeries above fail for what is wrong with them: a sound token of the same making is let in."""
    user = factories.user(session, is_superuser=True)
    token = _sign(_claims(user.id, sid=str(factories.begin(session, user).id)))

    assert client.get(CUSTOMERS, headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_permissions_are_those_of_the_account_not_of_the_token(client: FlaskClient, session: Session) -> None:
    """While the accounts answer, what a token claims gives nobody more than his account has."""
    user = factories.user(session)
    token = _sign(_claims(user.id, sid=str(factories.begin(session, user).id), scopes=["CUSTOMER_VIEW"]))

    refusal(client.get(CUSTOMERS, headers={"Authorization": f"Bearer {token}"}), 403)


def test_a_token_of_nobody_is_401(client: FlaskClient) -> None:
    """A sound token of a user who does not exist opens nothing."""
    token = _sign(_claims(uuid.uuid4()))

    said = refusal(client.get(CUSTOMERS, headers={"Authorization": f"Bearer {token}"}), 401)

    assert said["reason"] == "inactive"


def test_a_view_without_a_contract_refuses_to_start(build: Callable[..., Flask]) -> None:
    """What declares nothing is not served: the application is not even built, and says which view it is."""
    app = build()
    _require_contracts(app)
    app.add_url_rule("/open", "open_door", lambda: "come in")

    with pytest.raises(RuntimeError, match="open_door"):
        _require_contracts(app)


def test_every_view_has_a_contract(app: Flask) -> None:
    """Each view of the program declares what it needs; those open to all are exactly these."""
    contracts = {name: contract_of(view) for name, view in app.view_functions.items()}

    assert None not in contracts.values()
    assert {name for name, contract in contracts.items() if contract and contract.permission == "public"} == {
        *("auth.login", "auth.refresh", "auth.logout", "auth.forgot_password", "auth.reset_password"),
        *("security.setup_status", "settings.public_currency", "status.document", "status.page"),
        *("health.root", "health.alive", "health.ready", "health.health", "breakers.breakers"),
        "metrics.metrics",  # which looks for a token of its own
        *("docs.document", "docs.page", "docs.guide", "docs.operations", "pages.asset"),
    }


def test_a_change_is_committed_once(toy_app: Flask, player: Player, shelf: Session) -> None:
    """A request that changes something is one transaction; what it answers is what was stored."""
    client = player("TOY_CREATE")

    with commits(toy_app) as ends:
        answer = client.post("/api/toys/", json={"name": "bear", "price": 2.5})

    assert ends.count("commit") == 1
    assert _names(shelf) == ["bear"]
    assert (answer.status_code, answer.get_json()["price"]) == (201, 2.5)
    assert answer.headers["Location"] == f"/api/toys/{answer.get_json()['id']}"


@pytest.mark.parametrize(("path", "status"), [("/api/toys/break", 500), ("/api/toys/refuse", 409)])
def test_an_exception_rolls_everything_back(
    toy_app: Flask, player: Player, shelf: Session, path: str, status: int
) -> None:
    """A request that fails leaves nothing behind, whether it crashed or refused."""
    client = player("TOY_CREATE")

    with commits(toy_app) as ends:
        refusal(client.post(path, json={"name": "bear"}), status)

    assert "commit" not in ends
    assert _names(shelf) == []


def test_a_refusal_may_leave_a_trace(toy_app: Flask, player: Player, shelf: Session) -> None:
    """An error that keeps its transaction is committed, once, and still an error."""
    client = player("TOY_CREATE")

    with commits(toy_app) as ends:
        said = refusal(client.post("/api/toys/play", json={"name": "bear"}), 409)

    assert said["code"] == "played"
    assert ends.count("commit") == 1
    assert _names(shelf) == ["bear"]


@pytest.fixture
def database(toy_app: Flask) -> Iterator[Database]:
    """The door to the database, whose breaker has forgotten earlier tests and forgets this one."""
    adapter: Database = toy_app.extensions["services"].database
    for when in ("before", "after"):
        adapter.breaker.reset(reason=f"{when} the test", actor="test")
        if when == "before":
            yield adapter


def _lose(client: FlaskClient, losses: int, method: str = "GET") -> tuple[int, int]:
    """Call a view whose connection is lost so often; return the status and how often it was run."""
    toys.Fickle.losses, toys.Fickle.attempts = losses, 0
    return client.open("/api/toys/fickle", method=method).status_code, toys.Fickle.attempts


def test_a_read_that_lost_its_connection_is_made_once_more(player: Player, database: Database) -> None:
    """Once, and for one call in ten at the most, so that retries never become a load of their own."""
    client, lost = player("TOY_VIEW"), []
    for number in range(60):
        answer = _lose(client, number % 5 == 0)
        if number % 5 == 0:
            lost.append(answer)
        else:
            assert answer == (200, 1)
    again = lost.count((200, 2))
    assert again + lost.count((503, 1)) == len(lost)
    assert 0 < again <= database.breaker.counts().calls / 10 < len(lost)

    for _ in range(20):
        assert _lose(client, 0) == (200, 1)
    assert _lose(client, 2) == (503, 2)
    assert database.breaker.closed


def test_a_change_is_never_made_twice(player: Player, database: Database) -> None:
    """Whether it was made is not known when the connection is lost, so that nobody but the caller may repeat it."""
    client = player("TOY_VIEW")
    for _ in range(18):
        assert _lose(client, 0, "POST") == (200, 1)
    assert _lose(client, 1, "POST") == (503, 1)
    assert database.may_retry()


def test_a_read_that_has_waited_long_is_not_made_again(player: Player, database: Database) -> None:
    """What is left of the request's time must hold a whole answer."""
    client = player("TOY_VIEW")
    for _ in range(18):
        assert _lose(client, 0) == (200, 1)
    with budget(0.5):
        assert not database.may_retry()
    assert database.may_retry()


def test_a_clash_rolls_back_and_the_next_request_works(player: Player, shelf: Session) -> None:
    """A statement that the database refused spoils nothing for those after it."""
    client = player()
    for name, status in (("bear", 201), ("bear", 409), ("cat", 201)):
        assert client.post("/api/toys/", json={"name": name}).status_code == status

    assert _names(shelf) == ["bear", "cat"]


def test_head_answers_as_get_without_a_body(signed_in: Caller, session: Session) -> None:
    """HEAD has the status and headers of GET, the total among them, and no body."""
    customer = factories.customer(session)
    client = signed_in("CUSTOMER_VIEW")

    for path in (CUSTOMERS, f"{CUSTOMERS}{customer.id}", "/health"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert head.headers.get("X-Total-Count") == get.headers.get("X-Total-Count")


def test_head_needs_the_same_permission(signed_in: Caller, client: FlaskClient) -> None:
    """HEAD is no way around a permission."""
    assert client.head(CUSTOMERS).status_code == 401
    assert signed_in("CUSTOMER_CREATE").head(CUSTOMERS).status_code == 403


@pytest.mark.parametrize(("path", "methods"), [(CUSTOMERS, {"GET", "POST"}), ("/health", {"GET"})])
def test_options_tells_the_methods(client: FlaskClient, path: str, methods: set[str]) -> None:
    """A plain OPTIONS, which is no preflight, says what is served, to anybody."""
    answer = client.options(path)

    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == methods | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    "query", ["limit=2&limit=1", "limit=2&limit=2", "search=a&skip=1&search=b", "nothing=1&nothing=2"]
)
def test_a_parameter_given_twice_is_refused_by_name(signed_in: Caller, query: str) -> None:
    """Which of both would count is for nobody to guess."""
    twice = query.partition("=")[0]

    assert refusal(signed_in().get(f"{CUSTOMERS}?{query}"), 422, fields=(twice,))["errors"] == {
        twice: ["Is sent more than once."]
    }


def test_a_payload_cannot_pose_as_the_caller(player: Player, shelf: Session) -> None:
    """Names that the wrapper fills in cannot be sent."""
    for name in ("principal", "session", "id"):
        refusal(player().post("/api/toys/", json={"name": "bear", name: "x"}), 422, fields=(name,))
    assert _names(shelf) == []
