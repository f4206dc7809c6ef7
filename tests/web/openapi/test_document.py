"""The OpenAPI document: whole, valid, and true."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from openapi_spec_validator import validate
from sqlalchemy.orm import Session

from rental_backend import app as program
from rental_backend.schemas import Output
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.contracts import contract_of
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC
from rental_backend.web.endpoint.pipeline import endpoint
from rental_backend.web.openapi.document import describe
from tests.house.words import worst_words
from tests.web.openapi.wording import misworded, texts

from .conformance import Documented
from .stage import stage

PARAMETER = re.compile(r"<(?:[^:<>]*:)?(\w+)>")
REFUSED_UNREAD = (400, 401, 405, 413, 415)


@pytest.fixture(scope="module")
def documented(app: Flask) -> Documented:
    """The document as the application sends it."""
    return Documented(app.test_client().get("/openapi.json").get_json())


def test_the_document_is_valid(documented: Documented) -> None:
    """It is OpenAPI 3.1 by the rules of its authors."""
    assert documented.document["openapi"].startswith("3.1")
    validate(documented.document)


def test_no_operation_escapes(app: Flask, documented: Documented) -> None:
    """Every method of every rule is in it, with its permission and its needs, and nothing else is."""
    told = {
        (method, path): (said["x-permission"], said["x-needs"]["required"])
        for method, path, said in documented.operations.values()
    }
    served = {
        (method, PARAMETER.sub(r"{\1}", rule).rstrip("/") or "/"): (each.permission, sorted(each.needs.required))
        for _, method, rule, each in contracts(app)
    }

    assert told == served
    assert sum(map(len, documented.document["paths"].values())) == len(documented.operations)


def test_a_field_says_which_permission_it_takes(documented: Documented) -> None:
    """Beside that of the operation, for each value that takes one; what is answered takes none."""
    forms = documented.document["components"]["schemas"]

    assert forms["CustomerChange"]["properties"]["credit_limit"]["x-permission"] == "CUSTOMER_UPDATE_CREDIT"
    assert forms["UserChange"]["properties"]["is_active"]["x-permission"] == {
        "true": "USER_ACTIVATE",
        "false": "USER_DEACTIVATE",
    }
    assert "x-permission" not in forms["Customer"]["properties"]["credit_limit"]


def test_a_new_view_is_in_it(build: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """A blueprint that is registered is documented without anybody's doing."""
    stray = Blueprint("stray", __name__)
    stray.get("/stray/<uuid:id>")(endpoint(needs=NOTHING, permission=PUBLIC)(_look))
    monkeypatch.setattr(program, "BLUEPRINTS", (*program.BLUEPRINTS, stray))

    said = describe(build())["paths"]["/stray/{id}"]["get"]

    assert (said["summary"], said["operationId"]) == ("Look at one.", "stray__look")
    assert [each["schema"]["format"] for each in said["parameters"]] == ["uuid"]


def _look(id: Any) -> dict[str, str]:
    """Look at one. It is nothing."""
    return {"id": str(id)}


def test_everything_is_told_in_words(documented: Documented) -> None:
    """Each operation has a sentence, each schema and each parameter of a query a description, each tag too."""
    silent = [name for name, (_, _, said) in documented.operations.items() if not said["summary"].strip(".")]
    silent += [name for name, each in documented.document["components"]["schemas"].items() if not each["description"]]
    silent += [each["name"] for each in documented.document["tags"] if not each["description"]]
    silent += [
        f"{name} {each['name']}"
        for name, (_, _, said) in documented.operations.items()
        for each in said["parameters"]
        if each["in"] == "query" and not each["description"]
    ]

    assert silent == []


def test_each_summary_says_what_is_done_to_what(documented: Documented) -> None:
    """Every summary is a sentence of its own: a verb first, then what it is about, in 80 characters at most."""
    told = [(f"{method} {path}", said["summary"]) for method, path, said in documented.operations.values()]

    assert len(told) > 200
    assert list(misworded(told)) == []


def test_a_summary_that_says_nothing_would_be_caught() -> None:
    """The same twice, no sentence, too many words, no verb, no noun or one of the worst words: each is named."""
    told = {
        "right": "Create a brand.",
        "twice": "Create a brand.",
        "small": "create a unit.",
        "open": "Create a category",
        "long": f"Create {'a very ' * 12}long thing.",
        "noun": "Return one.",
        "those": "List those, if any.",
        "verb": "Brands.",
        "people": "Show a user and his roles.",
    }

    assert list(misworded(told.items())) == [
        "twice: the same as right",
        *("small: no sentence", "small: create is no verb of ours"),
        "open: no sentence",
        "long: 102 characters",
        *("noun: no noun", "noun: return one"),
        "those: no noun",
        "verb: Brands is no verb of ours",
        "people: his",
    ]


def test_no_text_of_the_document_holds_a_worst_word(documented: Documented) -> None:
    """Summaries and descriptions of operations, parameters, answers, schemas and tags are free of them."""
    told = list(texts(documented.document))

    assert len(told) > 1000
    assert [text for text in told if worst_words(text)] == []
    assert list(texts({"tags": [{"description": "a"}], "info": {"description": "b", "title": "c"}})) == ["a", "b"]


def test_only_what_is_read_may_be_unchanged(documented: Documented) -> None:
    """A 304 is told of reads that are answered by a version, and of no change."""
    told = {method for method, _, said in documented.operations.values() if "304" in said["responses"]}

    assert {method.upper() for method in told} == {"GET"}


def test_a_view_with_several_paths_says_so(documented: Documented) -> None:
    """The shortest path has the plain summary; another method or path of its view names one that is the same."""
    paths = documented.document["paths"]

    assert paths["/api/customers/{id}"]["put"]["summary"] == "Change a customer."
    assert paths["/api/customers/{id}"]["patch"]["summary"] == "Change a customer (same as PUT)."
    assert paths["/api/security/roles/{id}"]["get"]["summary"] == "Show a role (same as /api/auth/roles/{id})."
    places = ("/api/auth/roles", "/api/users/roles", "/api/security/roles")
    assert [paths[place]["post"]["summary"] for place in places] == [
        "Create a role.",
        "Create a role (same as /api/auth/roles).",
        "Create a role (same as /api/users/roles).",
    ]


def test_what_is_answered_is_declared_as_an_answer(app: Flask) -> None:
    """Only schemas that are never read describe answers, so that none is described by the rules of a form."""
    declared = [contract_of(view) for view in app.view_functions.values()]

    assert [each for each in declared if each and each.returns and not isinstance(each.returns, Output)] == []


def test_how_an_outage_is_answered_is_told(documented: Documented) -> None:
    """`x-degraded` is what the contract computes, and the headers that go with it are documented."""
    _, _, browse = documented.operations["customers_browse"]
    _, _, create = documented.operations["customers_create"]

    assert browse["x-degraded"] == {
        "database": "stale",
        "redis": "partial",
        "auth": "offline",
        "everything": "stale",
        "read-only": "full",
        "emergency": "stale",
    }
    assert {"X-Degraded", "Age", "Warning", "X-Replica-Lag", "X-Total-Count"} <= set(
        browse["responses"]["200"]["headers"]
    )
    assert set(create["x-degraded"].values()) == {"refuse", "partial", "offline"}
    assert {"dependency_unavailable", "outcome_unknown", "read_only", "busy"} <= set(
        create["responses"]["503"]["x-codes"]
    )
    assert {"201", "400", "401", "403", "409", "413", "415", "422", "503"} <= set(create["responses"])


def _asked(documented: Documented) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation with the request of its examples: reads, changes, removals, and the way out."""
    rank = {"GET": 0, "PUT": 1, "PATCH": 1, "POST": 2, "DELETE": 3}
    last = {"auth_logout": 4}
    order = sorted(documented.operations.items(), key=lambda each: last.get(each[0], rank[each[1][0]]))
    for name, (method, path, said) in order:
        given = {each["name"]: each["example"] for each in said["parameters"] if "example" in each}
        places = {each["name"] for each in said["parameters"] if each["in"] == "path"}
        request: dict[str, Any] = {
            "path": path.format(**{place: given.pop(place) for place in places}),
            "method": method,
            "query_string": given,
        }
        if "requestBody" in said:
            request["json"] = said["requestBody"]["content"]["application/json"]["example"]
        yield name, request


def test_every_example_is_answered_as_documented(app: Flask, session: Session, documented: Documented) -> None:
    """The example of each operation is sent: its answer is documented, and no example is refused for its form."""
    client = stage(app, session)
    wrong: list[str] = []
    for name, request in _asked(documented):
        response = client.open(**request)
        wrong += documented.faults(name, response)
        if response.status_code in (*REFUSED_UNREAD, 422, 500) and name not in NO_SUCH_SECRET:
            wrong.append(f"{name}: its example is refused: {response.status} {response.get_data(as_text=True)[:300]}")
    levels = app.extensions["services"].log_level  # other tests use the same application
    levels.set(levels.default, reason="over", actor="test", seconds=1)

    print("\n".join(wrong))
    assert wrong == []


# Whose example cannot be true: a password, a token.
NO_SUCH_SECRET = {"auth_login", "auth_refresh", "auth_reset_password", "sessions_change_password"}


def test_a_lie_is_found(app: Flask, session: Session, documented: Documented) -> None:
    """An answer is at fault if its status, a header, its type or a member of its body is not documented."""
    said = json.loads(json.dumps(documented.document))
    browse = said["paths"]["/api/customers"]["get"]["responses"]
    answer = stage(app, session).get("/api/customers")
    assert documented.faults("customers_browse", answer) == []

    del said["components"]["schemas"]["Customer"]["properties"]["city"]
    assert any("city" in each for each in Documented(said).faults("customers_browse", answer))
    del browse["200"]["headers"]["X-Total-Count"]
    assert any("X-Total-Count" in each for each in Documented(said).faults("customers_browse", answer))
    browse["200"]["content"] = {"text/csv": {}}
    assert any("text/csv" in each for each in Documented(said).faults("customers_browse", answer))
    del browse["200"]
    assert "is not documented" in Documented(said).faults("customers_browse", answer)[0]
