"""How paths are read: with and without slash, under other prefixes, with ids that are none, and with NUL in them."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rental_backend.app import ALIASES as DOMAINS_OWN
from rental_backend.web.middleware.routing import ALIASES
from tests.conftest import Caller
from tests.refusals import refusal


def _routes(app: Flask) -> list[tuple[str, str]]:
    somebody = str(uuid.UUID(int=7))
    return [
        (method, rule.rule.replace("<uuid:id>", somebody))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_path_is_served_with_and_without_its_slash(app: Flask, signed_in: Caller) -> None:
    """No route redirects, which would lose credentials on calls from another origin; both ways answer alike."""
    clients = {"anonymous": app.test_client(), "superuser": signed_in()}
    routes = _routes(app)
    assert len(routes) > 15
    for method, path in routes:
        if path == "/":
            continue
        for who, client in clients.items():
            bare = client.open(path.rstrip("/"), method=method, json={})
            slashed = client.open(path.rstrip("/") + "/", method=method, json={})
            assert bare.status_code == slashed.status_code, (who, method, path)
            assert bare.status_code not in (301, 302, 307, 308, 405, 500), (who, method, path)
            assert bare.status_code != 404 or "no such" in bare.get_json()["detail"], (who, method, path)


@pytest.mark.parametrize("prefix", [alias for alias, _ in ALIASES[:2]])
def test_every_path_is_served_under_its_aliases(app: Flask, client: FlaskClient, prefix: str) -> None:
    """`/api/api/...` and `/api/v1/...` are what `/api/...` is."""
    for method, path in _routes(app):
        if path.startswith("/api/"):
            meant = client.open(path, method=method, json={})
            alias = client.open(prefix + path.removeprefix("/api/"), method=method, json={})
            assert (alias.status_code, alias.mimetype) == (meant.status_code, meant.mimetype), (method, path)
            assert alias.status_code != 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/toys/any",
        "/api/api/toys/any",
        "/api/v1/toys/any",
        "/api/api/v1/toys/any",
        "/api/api/api/toys/any/",
        "/api/analytics/toys",
        "/api/analytics/analytics/toys",
        "/api/v1/analytics/analytics/toys/",
        "/api/transactions/sales/toys",
        "/api/transactions/sales/sales/toys",
        "/api/api/transactions/sales/sales/toys",
    ],
)
def test_doubled_prefixes_lead_to_the_same_view(toy_app: Flask, path: str) -> None:
    """Whatever prefix the frontend doubles, the view is reached, without a redirect."""
    answer = toy_app.test_client().get(path)

    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})


@pytest.mark.parametrize("path", ["/v1/toys/any", "/api/v2/toys/any", "/api/apitoys/any", "/apiapi/toys/any"])
def test_other_prefixes_lead_nowhere(toy_app: Flask, path: str) -> None:
    """Only declared aliases are read; below `/api/` nobody who is not known learns even that."""
    refusal(toy_app.test_client().get(path), 401 if path.startswith("/api/") else 404)


def test_the_aliases_of_domains_are_read(app: Flask, client: FlaskClient) -> None:
    """What a domain has another name for is served under it, too; a path that only contains the name is not."""
    gets = [path for method, path in _routes(app) if method == "GET"]
    found = [(alias, meant, path) for alias, meant in DOMAINS_OWN for path in gets if path.startswith(meant)]
    assert len(found) >= len(DOMAINS_OWN)
    for alias, meant, path in found:
        other = alias + path.removeprefix(meant)
        under_alias, plain = client.get(other), client.get(path)
        assert (under_alias.status_code, under_alias.mimetype) == (plain.status_code, plain.mimetype), path
        assert under_alias.status_code != 404
        refusal(client.get(f"/elsewhere{other}"), 404)


@pytest.mark.parametrize("id", ["7", "not-an-id", str(uuid.UUID(int=7))[:-1], f"{uuid.UUID(int=7)}0"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_that_is_none_is_refused_by_name(signed_in: Caller, method: str, id: str) -> None:
    """Where a path wants an id, something else is 422 and named, whatever else is wrong with what was sent."""
    answer = refusal(signed_in().open(f"/api/customers/{id}", method=method, json={"no": 1}), 422, fields=("id",))

    assert answer["errors"] == {"id": ["Not a valid UUID."]}


@pytest.mark.parametrize("spelled", [str.upper, lambda text: text.replace("-", ""), "{{{}}}".format])
def test_an_id_may_be_spelled_as_uuids_are(toy_app: Flask, spelled: Callable[[str], str]) -> None:
    """Capitals, no dashes and braces are spellings of the same id."""
    with toy_app.test_request_context():
        found = toy_app.url_map.bind("").match(f"/api/customers/{spelled(str(uuid.UUID(int=7)))}", method="GET")

    assert found[1] == {"id": uuid.UUID(int=7)}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/system/settings/a%00b",
        "/api/master-data/item-master/sku/%00",
        "/api/%00",
        "/%00",
        "/api/system/settings/%00",
    ],
)
def test_a_path_with_nul_names_nothing(signed_in: Caller, method: str, path: str) -> None:
    """What no database can hold is not found, whatever the method."""
    refusal(signed_in().open(path, method=method, json={}), 404)


def test_what_is_remembered_is_what_the_router_finds(app: Flask) -> None:
    """Each route, with ids and what is as long as one, leads where the router leads, however often it is asked."""
    ends = (str(uuid.UUID(int=7)), str(uuid.UUID(int=8)).upper(), f"{{{uuid.UUID(int=9)}}}", "no-id", "n" * 36)
    asked = [(method, rule.replace(str(uuid.UUID(int=7)), end)) for method, rule in _routes(app) for end in ends]
    asked += [(method, f"{path.rstrip('/')}{slash}") for method, path in asked for slash in ("", "/", "//")]
    asked += [("DELETE", "/api/customers/<uuid:id>"), ("GET", "/nowhere"), ("PATCH", "/health")]
    app.known_routes.clear()  # type: ignore[attr-defined]
    for _ in range(2):
        for method, path in asked:
            with app.test_request_context(path, method=method) as context:
                found = context.request.url_rule, context.request.view_args, type(context.request.routing_exception)
            if found[0] is None:
                with pytest.raises(found[2]):
                    app.url_map.bind("").match(path, method=method, return_rule=True)
            else:
                assert found[:2] == app.url_map.bind("").match(path, method=method, return_rule=True), path
    rules = sum(len(rule.methods or ()) for rule in app.url_map.iter_rules())
    assert 100 < len(app.known_routes) <= 2 * rules  # type: ignore[attr-defined]
