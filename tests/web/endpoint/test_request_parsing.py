"""Nothing a client sends gives a 500: it is refused by name, as a problem, and nothing is stored."""

import http.client
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests import factories
from tests.refusals import refusal
from tests.serving import Gunicorn, serving

pytestmark = pytest.mark.long

LOOPBACK = "127.0.0.1"
VALID = {"customer_code": "C-1", "customer_type": "INDIVIDUAL", "first_name": "Ada", "last_name": "Byron"}
LONGEST = {
    "customer_code": 20,
    "business_name": 200,
    "first_name": 100,
    "last_name": 100,
    "phone": 20,
    "mobile": 20,
    "address_line1": 200,
    "address_line2": 200,
    "city": 100,
    "state": 100,
    "country": 100,
    "postal_code": 20,
    "tax_number": 50,
    "payment_terms": 50,
    "notes": 10_000,
}
NOT_TEXT: tuple[Any, ...] = (7, -1.5, True, [], ["text"], {}, {"a": "b"})
NOT_MONEY: tuple[Any, ...] = (
    *("NaN", "Infinity", "-Infinity", "sNaN", "1e400", "-1e400", "9" * 400, "ten", "1,5", "\0"),
    *(10**30, -1, -0.006, 100_000_000, 99_999_999.995, True, False, None, [], [1], {}, {"a": 1}),
)
NOT_EMAIL = (
    "nobody",
    "a@b",
    "@example.com",
    "a@",
    "a b@example.com",
    "a@exa mple.com",
    "a@example.com\0",
    "é@é",
    "a@@b.com",
)
NOT_CHOICE: tuple[Any, ...] = ("NO SUCH", "gold", 7, 1.5, True, None, [], ["GOLD"], {}, "GOLD\0")
CUSTOMERS = "/api/customers/"
LOGOUT = "/api/auth/logout"
SOMEBODY = "/api/customers/7b0f4a4e-5c5c-4a29-9a5c-0f6f3c1f7a11"

TEXTS = [("logout", "refresh_token"), ("forgot-password", "username"), ("reset-password", "token")]

BAD_FIELDS = [
    *((field, value) for field in LONGEST for value in NOT_TEXT),
    *((field, "x" * (longest + 1)) for field, longest in LONGEST.items()),
    *((field, "a\0b") for field in LONGEST),
    *(("email", value) for value in (*NOT_TEXT, *NOT_EMAIL, f"{'a' * 250}@example.com")),
    *(("credit_limit", value) for value in NOT_MONEY),
    *((field, value) for field in ("customer_type", "customer_tier") for value in NOT_CHOICE),
    *((field, 1) for field in ("id", "status", "is_active", "created_by", "total_spent", "no_such", "a'b\"--", "é\n")),
    ("customer_code", None),
    ("customer_code", "   "),
]


@pytest.fixture(scope="module")
def clerk(app: Flask, engine: sqlalchemy.Engine) -> Iterator[FlaskClient]:
    """A client signed in as a superuser, for the whole module: these tests store nothing that would have to go."""
    with Session(engine, expire_on_commit=False) as session:
        user = factories.user(session, username=f"clerk-{uuid.uuid4().hex[:8]}", is_superuser=True)
        token = factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        yield client
        session.execute(sqlalchemy.text("DELETE FROM customers"))
        session.execute(sqlalchemy.text("DELETE FROM refresh_tokens"))
        session.delete(user)
        session.commit()


@pytest.fixture
def unchanged(engine: sqlalchemy.Engine) -> Iterator[None]:
    """Fail the test if it stored or changed anything."""
    before = _stored(engine)
    yield
    assert _stored(engine) == before


def _stored(engine: sqlalchemy.Engine) -> list[Any]:
    everything = "SELECT coalesce(json_agg(t ORDER BY t.id), '[]'::json)::text FROM {} AS t"
    with engine.connect() as connection:
        return [
            connection.execute(sqlalchemy.text(everything.format(table))).scalar()
            for table in ("customers", "login_attempts", "refresh_tokens", "users")
        ]


def _named(case: Any) -> str:
    return ascii(case)[:40]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=_named)
@pytest.mark.usefixtures("unchanged")
def test_a_bad_value_is_refused_by_name(clerk: FlaskClient, field: str, value: Any) -> None:
    """A new customer with one bad field is 422 and names the field."""
    body = json.dumps({**VALID, field: value})

    answer = clerk.post(CUSTOMERS, data=body, content_type="application/json")

    refusal(answer, 422, fields=(field,))


@pytest.mark.parametrize(("field", "value"), [case for case in BAD_FIELDS if case[0] != "customer_code"], ids=_named)
def test_a_bad_change_is_refused_by_name(clerk: FlaskClient, field: str, value: Any) -> None:
    """The same values are refused in a change, before it is looked whether there is such a customer."""
    body = json.dumps({field: value})

    refusal(clerk.put(SOMEBODY, data=body, content_type="application/json"), 422, fields=(field,))


@pytest.mark.parametrize("value", [*NOT_TEXT, "x" * 51, "a\0b"], ids=_named)
@pytest.mark.usefixtures("unchanged")
def test_a_bad_tax_id_is_refused_as_tax_number(clerk: FlaskClient, value: Any) -> None:
    """`tax_id` is checked as what it stands for."""
    refusal(clerk.post(CUSTOMERS, json={**VALID, "tax_id": value}), 422, fields=("tax_number",))


@pytest.mark.parametrize("field", ["customer_code", "customer_type"])
@pytest.mark.parametrize("blank", [None, ""], ids=["absent", "blank"])
@pytest.mark.usefixtures("unchanged")
def test_what_is_required_is_missed_by_name(clerk: FlaskClient, field: str, blank: str | None) -> None:
    """A required field that is absent or blank is named."""
    body = {name: value for name, value in VALID.items() if name != field} | ({} if blank is None else {field: blank})

    refusal(clerk.post(CUSTOMERS, json=body), 422, fields=(field,))


@pytest.mark.parametrize(
    ("path", "method", "body", "field"),
    [
        ("/blacklist", "POST", {}, "action"),
        ("/blacklist", "POST", {"action": "burn"}, "action"),
        ("/blacklist", "POST", {"action": 7}, "action"),
        ("/blacklist", "POST", {"action": ["blacklist"]}, "action"),
        ("/blacklist", "POST", {"action": "blacklist", "why": "x"}, "why"),
        ("/blacklist", "PUT", {"blacklist_status": "GREY"}, "blacklist_status"),
        ("/blacklist", "PUT", {"blacklist_status": None}, "blacklist_status"),
        ("/blacklist", "PUT", {"blacklist_status": "CLEAR", "notes": "x" * 10_001}, "notes"),
        ("/blacklist", "PUT", {"blacklist_status": "CLEAR", "blacklist_reason": "x" * 1001}, "blacklist_reason"),
        ("/blacklist", "PUT", {"blacklist_status": "CLEAR", "blacklist_reason": 7}, "blacklist_reason"),
        ("/status", "PUT", {}, "status"),
        ("/status", "PUT", {"status": "BLACKLISTED"}, "status"),
        ("/status", "PUT", {"status": {"a": 1}}, "status"),
        ("/status", "PUT", {"status": "ACTIVE", "notes": "\0"}, "notes"),
    ],
    ids=_named,
)
def test_a_bad_verb_is_refused_by_name(clerk: FlaskClient, path: str, method: str, body: Any, field: str) -> None:
    """Blacklisting and changing the status check their own bodies."""
    refusal(clerk.open(SOMEBODY + path, method=method, json=body), 422, fields=(field,))


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        *(("/api/auth/login", {"username": value, "password": "x"}, "username") for value in (*NOT_TEXT, None)),
        *(("/api/auth/login", {"username": "x", "password": value}, "password") for value in (*NOT_TEXT, None)),
        *(("/api/auth/refresh", {"refresh_token": value}, "refresh_token") for value in (*NOT_TEXT, None)),
        *((f"/api/auth/{path}", {field: value}, field) for path, field in TEXTS for value in (*NOT_TEXT, None, "a\0b")),
        ("/api/auth/reset-password", {"token": "x"}, "new_password"),
        ("/api/auth/forgot-password", {}, "username"),
        ("/api/auth/login", {"username": "x"}, "password"),
        ("/api/auth/login", {"password": "x"}, "username"),
        ("/api/auth/login", {"username": "", "password": "x"}, "username"),
        ("/api/auth/login", {"username": "x", "password": ""}, "password"),
        ("/api/auth/login", {"username": "a\0b", "password": "x"}, "username"),
        ("/api/auth/login", {"username": "x" * 256, "password": "x"}, "username"),
        ("/api/auth/login", {"username": "x", "password": "x", "remember_me": "perhaps"}, "remember_me"),
        ("/api/auth/login", {"username": "x", "password": "x", "is_superuser": True}, "is_superuser"),
        ("/api/auth/refresh", {}, "refresh_token"),
        ("/api/auth/refresh", {"refresh_token": "a\0b"}, "refresh_token"),
        ("/api/auth/refresh", {"refresh_token": "x" * 8193}, "refresh_token"),
        ("/api/auth/refresh", {"refresh_token": "x", "user_id": "y"}, "user_id"),
    ],
    ids=_named,
)
@pytest.mark.usefixtures("unchanged")
def test_a_bad_sign_in_is_refused_by_name(client: FlaskClient, path: str, body: Any, field: str) -> None:
    """Sign-in and refresh name the field that does not fit."""
    refusal(client.post(path, json=body), 422, fields=(field,))


TAKE_BODIES = [
    ("POST", CUSTOMERS),
    ("PUT", SOMEBODY),
    ("POST", SOMEBODY + "/blacklist"),
    ("PUT", SOMEBODY + "/blacklist"),
    ("PUT", SOMEBODY + "/status"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", LOGOUT),
    ("POST", "/api/auth/forgot-password"),
    ("POST", "/api/auth/reset-password"),
    ("POST", "/api/users/me/change-password"),
    ("POST", "/api/users/7b0f4a4e-5c5c-4a29-9a5c-0f6f3c1f7a11/reset-password"),
]
BAD_BODIES = {
    "cut off": (b'{"first_name": "A', 400, "invalid_json"),
    "no value": (b'{"first_name":}', 400, "invalid_json"),
    "two documents": (b"{} {}", 400, "invalid_json"),
    "blanks": (b"   ", 400, "invalid_json"),
    "a NUL byte": (b"\0", 400, "invalid_json"),
    "invalid UTF-8": (b'{"first_name": "\xff\xfe"}', 400, "invalid_json"),
    "UTF-16": ('{"first_name": "A"}'.encode("utf-16"), 400, "invalid_json"),
    "a byte order mark": (b'\xef\xbb\xbf{"first_name": "A"}', 400, "invalid_json"),
    "a lone surrogate": (b'{"first_name": "\\ud800"}', 400, "invalid_json"),
    "a lone low surrogate": (b'{"first_name": "x\\udfffx"}', 400, "invalid_json"),
    "NaN": (b'{"credit_limit": NaN}', 400, "invalid_json"),
    "Infinity": (b'{"credit_limit": -Infinity}', 400, "invalid_json"),
    "a form": (b"username=a&password=b", 400, "invalid_json"),
    "an array": (b'[{"first_name": "A"}]', 422, "validation_error"),
    "an empty array": (b"[]", 422, "validation_error"),
    "null": (b"null", 422, "validation_error"),
    "true": (b"true", 422, "validation_error"),
    "a number": (b"7", 422, "validation_error"),
    "a huge number": (b"1" * 300, 422, "validation_error"),
    "an endless number": (b"1" * 5000, 400, "invalid_json"),
    "a text": (b'"text"', 422, "validation_error"),
    "arrays in arrays": (b"[" * 20 + b"]" * 20, 400, "json_too_deep"),
    "objects in objects": (b'{"a":' * 20 + b"1" + b"}" * 20, 400, "json_too_deep"),
    "very deep arrays": (b"[" * 100_000 + b"]" * 100_000, 400, "invalid_json"),
    "very deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "invalid_json"),
    "too much": (b'{"notes": "' + b"x" * 2**20 + b'"}', 413, "request_entity_too_large"),
}


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize(("method", "path"), TAKE_BODIES, ids=_named)
@pytest.mark.usefixtures("unchanged")
def test_what_is_no_json_object_is_refused(
    clerk: FlaskClient, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    """Broken, endless, deep and odd bodies are refused everywhere in the same way."""
    said = refusal(clerk.open(path, method=method, data=body, content_type="application/json"), status)

    assert said["code"] == code


@pytest.mark.parametrize("literal", [b"1e400", b"-1e400", b"1e308", b"9" * 400, b"-0.01"])
@pytest.mark.usefixtures("unchanged")
def test_a_number_beyond_all_bounds_is_refused(clerk: FlaskClient, literal: bytes) -> None:
    """Numbers that no float or column holds are refused, not rounded to infinity."""
    body = json.dumps(VALID).encode()[:-1] + b', "credit_limit": ' + literal + b"}"

    refusal(clerk.post(CUSTOMERS, data=body, content_type="application/json"), 400, 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "x", ""]
)
@pytest.mark.parametrize(("method", "path"), TAKE_BODIES, ids=_named)
@pytest.mark.usefixtures("unchanged")
def test_another_content_type_is_refused(clerk: FlaskClient, method: str, path: str, kind: str) -> None:
    """A body that does not call itself JSON is 415, even if it is JSON."""
    refusal(clerk.open(path, method=method, data=json.dumps(VALID), content_type=kind), 415)


def test_the_deepest_nesting_allowed_is_read(clerk: FlaskClient) -> None:
    """The limit of nesting refuses nothing below it: the field is looked at, and named."""
    value = 1
    for _ in range(14):
        value = [value]  # type: ignore[assignment]

    refusal(clerk.post(CUSTOMERS, json={**VALID, "notes": value}), 422, fields=("notes",))


BAD_QUERIES = [
    *(("skip", value) for value in ("-1", "10000001", "1" + "0" * 30, "1" * 5000, "1.5", "x", "NaN", "1e3", "0x10")),
    *(("limit", value) for value in ("0", "-1", "1001", "1" + "0" * 30, "1.5", "x", "Infinity")),
    *(("page", value) for value in ("0", "-1", "10001", "x")),
    *(("page_size", value) for value in ("0", "-1", "1001", "x")),
    *(("is_active", value) for value in ("perhaps", "2", "nul", "\0")),
    *(("active_only", value) for value in ("perhaps", "2")),
    *(("customer_type", value) for value in ("business", "NO SUCH", "INDIVIDUAL\0", "' OR 1=1 --")),
    *(("customer_tier", value) for value in ("gold", "NO SUCH", "\0")),
    *((field, value) for field in ("status", "customer_status") for value in ("active", "NO SUCH", "ACTIVE'--")),
    *(("blacklist_status", value) for value in ("clear", "NO SUCH")),
    ("search", "x" * 201),
    ("search", "a\0b"),
    ("no_such", "1"),
    ("rows", "1"),
    ("customer_code", "C-1"),
    ("sort", "name; DROP TABLE customers"),
]


@pytest.mark.parametrize("path", [CUSTOMERS, "/api/customers/search"])
@pytest.mark.parametrize(("field", "value"), BAD_QUERIES, ids=_named)
def test_a_bad_parameter_is_refused_by_name(clerk: FlaskClient, path: str, field: str, value: str) -> None:
    """Every parameter of both lists is checked, and an unknown one refused."""
    query = {"search_term": "abc", field: value}
    if path == CUSTOMERS:
        query.pop("search_term")

    refusal(clerk.get(path, query_string=query), 422, fields=(field,))


@pytest.mark.parametrize("value", [None, "", "a", "x" * 201, "a\0b"], ids=_named)
def test_a_bad_search_term_is_refused_by_name(clerk: FlaskClient, value: str | None) -> None:
    """The search needs a term of two to two hundred characters."""
    query = {} if value is None else {"search_term": value}

    refusal(clerk.get("/api/customers/search", query_string=query), 422, fields=("search_term",))


@pytest.mark.parametrize(
    "query", ["search=%ff%fe", "search=%ED%A0%80", "%00=1", "=", "&&&", "%", "search=%zz", "a" * 9000]
)
def test_a_broken_query_string_is_no_error_of_ours(clerk: FlaskClient, query: str) -> None:
    """Bytes that are no UTF-8, NUL in names and stray signs are read or refused, never a 500."""
    answer = clerk.get(CUSTOMERS + "?" + query)

    if answer.status_code == 200:
        assert answer.json == []
    else:
        refusal(answer, 422)


@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/blacklist"), ("PUT", "/status")]
)
@pytest.mark.parametrize(
    "id", ["1", "undefined", "null", "%00", "%ff", "'; DROP TABLE customers; --", "7b0f4a4e", "é", "x" * 5000]
)
@pytest.mark.usefixtures("unchanged")
def test_an_id_that_is_none_is_refused_by_name(clerk: FlaskClient, method: str, rest: str, id: str) -> None:
    """An id that is no UUID is 422 and named; the frontend sends `undefined` at times."""
    refusal(clerk.open(f"/api/customers/{quote(id, safe='%')}{rest}", method=method, json={}), 422, fields=("id",))


@pytest.mark.parametrize(
    "path", ["/%00", "/api/%00", "/api/customers/%2e%2e/%2e%2e/etc/passwd", "/%ff%fe", "/api//customers"]
)
def test_a_strange_path_is_not_found(clerk: FlaskClient, path: str) -> None:
    """What leads nowhere is 404 or 422, a problem like any other."""
    refusal(clerk.get(path), 404, 422)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(
    [*LONGEST, "email", "credit_limit", "customer_type", "customer_tier", "tax_id", "action", "status"]
)
TEXT = st.text() | st.sampled_from(["-1", "0", "1", "1000", "NaN", "true", "ACTIVE", "%", "\0"])


@hypothesis_settings(max_examples=120, deadline=None)
@given(body=ANYTHING | st.dictionaries(FIELDS, ANYTHING), target=st.sampled_from(TAKE_BODIES))
def test_no_json_breaks_anything(clerk: FlaskClient, body: Any, target: tuple[str, str]) -> None:
    """Whatever JSON is sent, the answer is a success or a problem below 500."""
    method, path = target
    signed_out = {"Authorization": ""} if path == LOGOUT else {}  # or an empty body would end the clerk's session

    answer = clerk.open(path, method=method, data=json.dumps(body), content_type="application/json", headers=signed_out)

    if answer.status_code >= 300:
        refusal(answer, 400, 401, 404, 422)


@hypothesis_settings(max_examples=120, deadline=None)
@given(
    query=st.dictionaries(
        st.sampled_from(["search", "skip", "limit", "page", "page_size", "is_active", "status", "search_term"]) | TEXT,
        TEXT,
        max_size=4,
    ),
    path=st.sampled_from([CUSTOMERS, "/api/customers/search"]),
)
def test_no_query_breaks_anything(clerk: FlaskClient, query: dict[str, str], path: str) -> None:
    """Whatever parameters are sent, the answer is a list or a problem that says why not."""
    answer = clerk.get(path, query_string=query)

    if answer.status_code == 200:
        assert isinstance(answer.json, list)
    else:
        refusal(answer, 422)


@hypothesis_settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=60))
def test_no_bytes_break_anything(clerk: FlaskClient, raw: bytes) -> None:
    """Raw bytes as a body or a query string are answered below 500 too."""
    posted = clerk.post(CUSTOMERS, data=raw, content_type="application/json")
    listed = clerk.get(CUSTOMERS, query_string=quote(raw))

    refusal(posted, 400, 422)
    assert listed.status_code in (200, 422), listed.text


@pytest.fixture(scope="module")
def server(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """The real server, for what only happens on the wire."""
    with serving(settings, tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server


@pytest.mark.parametrize(("path", "status"), [("/api/auth/login", 413), (CUSTOMERS, 401), ("/nowhere", 404)])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "in chunks"])
def test_a_body_too_large_is_refused_cleanly_on_the_wire(
    server: Gunicorn, path: str, status: int, chunked: bool
) -> None:
    """A client that first sends 5 MB and then reads is told why not: the connection is not reset under it."""
    large = b'{"notes": "' + b"x" * 5 * 2**20 + b'"}'
    for _ in range(3):
        connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=10)
        body = iter([large]) if chunked else large
        connection.request("POST", path, body, {"Content-Type": "application/json"}, encode_chunked=chunked)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()

        assert (answer.status, said["status"]) == (status, status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert said["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n{}\r\n", b"2\r\n{}XX0\r\n\r\n", b"5\r\n{}", b"-2\r\n{}\r\n", b"2\r\n{}\r\n0\r\nbad trailer\n\r\n\r\n"],
)
def test_a_body_in_broken_chunks_is_a_400(server: Gunicorn, body: bytes) -> None:
    """Chunks that are none, and a client that leaves in the middle, are no error of ours."""
    head = f"POST /api/auth/login HTTP/1.1\r\nHost: {LOOPBACK}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((LOOPBACK, server.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        said = json.loads(answer.read())

    assert (answer.status, said["status"]) == (400, 400)
    assert answer.headers["Content-Type"] == "application/problem+json"
