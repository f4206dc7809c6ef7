"""What a clerk can do with customers, over HTTP."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rental_backend.parties.models import BlacklistStatus, Customer, CustomerStatus, CustomerTier, CustomerType
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal
from tests.statements import commits, statements

CUSTOMERS = "/api/customers/"
ADA = {"customer_code": "C-1", "customer_type": "INDIVIDUAL", "first_name": "Ada", "last_name": "Byron"}
FILM = {"customer_code": "C-2", "customer_type": "BUSINESS", "business_name": "Film & Co"}


def _path(customer: Customer, rest: str = "") -> str:
    return f"{CUSTOMERS}{customer.id}{rest}"


def _ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["id"] for row in rows}


def test_a_customer_is_created_with_everything_sent(signed_in: Caller, session: Session) -> None:
    """A new customer is stored as sent, answered with defaults, and found where Location points."""
    client = signed_in("CUSTOMER_CREATE", "CUSTOMER_UPDATE_CREDIT", "CUSTOMER_VIEW", username="clerk")
    sent = {
        **ADA,
        "email": "ada@example.com",
        "phone": "+44 1",
        "mobile": "+44 2",
        "address_line1": "1 High St",
        "address_line2": "Flat 2",
        "city": "London",
        "state": "-",
        "country": "UK",
        "postal_code": "W1",
        "tax_number": "T-9",
        "payment_terms": "30 days",
        "customer_tier": "GOLD",
        "credit_limit": 12.5,
        "notes": "N",
    }

    answer = client.post(CUSTOMERS, json=sent)

    made = answer.get_json()
    assert answer.status_code == 201
    assert {name: made[name] for name in sent} == sent
    assert (made["name"], made["tax_id"], made["status"], made["blacklist_status"]) == (
        *("Ada Byron", "T-9"),
        *("ACTIVE", "CLEAR"),
    )
    assert (made["created_by"], made["updated_by"], made["is_active"]) == ("clerk", "clerk", True)
    assert answer.headers["Location"] == f"/api/customers/{made['id']}"
    assert client.get(answer.headers["Location"]).get_json() == made
    assert session.scalars(select(Customer.credit_limit)).all() == [Decimal("12.50")]


def test_numbers_are_json_numbers_and_missing_texts_empty(signed_in: Caller, session: Session) -> None:
    """Amounts and counts are numbers, `email` and `phone` never null, everything else absent is null."""
    factories.customer(session, email=None, phone=None, credit_limit=Decimal("1234.50"), total_spent=Decimal("0.10"))

    listed = signed_in().get(CUSTOMERS)

    (row,) = json.loads(listed.data, parse_float=Decimal, parse_int=Decimal)
    assert [row[name] for name in ("credit_limit", "total_spent", "lifetime_value", "total_rentals")] == [
        *(Decimal("1234.50"), Decimal("0.10")),
        *(0, 0),
    ]
    assert (row["email"], row["phone"]) == ("", "")
    assert {row[name] for name in ("mobile", "city", "tax_id", "last_rental_date", "business_name")} == {None}


def test_timestamps_say_their_zone(signed_in: Caller, session: Session) -> None:
    """Every time in an answer is UTC and says so, also those stored without a zone."""
    factories.customer(session, last_rental_date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    (row,) = signed_in().get(CUSTOMERS).get_json()

    assert datetime.fromisoformat(row["last_rental_date"]) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert datetime.fromisoformat(row["created_at"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("sent", "tax_number"),
    [
        ({"tax_id": "A"}, "A"),
        ({"tax_number": "B"}, "B"),
        ({"tax_id": "A", "tax_number": "B"}, "B"),
        ({"tax_id": "", "tax_number": "B"}, "B"),
        ({"tax_id": "A", "tax_number": ""}, "A"),
        ({"tax_id": None}, None),
    ],
)
def test_tax_id_is_another_name_of_tax_number(signed_in: Caller, sent: dict[str, Any], tax_number: str | None) -> None:
    """Either name is read, both are answered; `tax_number` counts if both say something."""
    client = signed_in()

    made = client.post(CUSTOMERS, json={**ADA, **sent}).get_json()
    changed = client.put(f"{CUSTOMERS}{made['id']}", json={"tax_id": "Z"}).get_json()

    assert (made["tax_id"], made["tax_number"]) == (tax_number, tax_number)
    assert (changed["tax_id"], changed["tax_number"]) == ("Z", "Z")


def test_a_code_in_use_is_400_and_names_the_field(signed_in: Caller, session: Session) -> None:
    """Only a 400 with `customer_code` in `detail` marks the field in the clerk's form."""
    factories.customer(session, customer_code="C-1")

    said = refusal(signed_in().post(CUSTOMERS, json=ADA), 400)

    assert said["code"] == "customer_code_taken"
    assert "customer_code" in said["detail"]
    assert session.scalar(select(func.count()).select_from(Customer)) == 1


def test_of_many_with_one_code_at_once_one_is_created(app: Flask, signed_in: Caller, session: Session) -> None:
    """Twenty clerks who take the same code at the same moment get it once; the others are told why not."""
    clients = [signed_in() for _ in range(20)]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda client: client.post(CUSTOMERS, json=ADA), clients))

    made = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in made:
            assert refusal(answer, 400, 503)["code"] in ("customer_code_taken", "busy")
    assert len(made) == 1
    assert session.scalar(select(func.count()).select_from(Customer)) == 1
    assert not app.extensions["services"].down()


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"customer_type": "INDIVIDUAL"}, ("first_name", "last_name")),
        ({"customer_type": "INDIVIDUAL", "business_name": "Film & Co"}, ("first_name", "last_name")),
        ({"customer_type": "INDIVIDUAL", "first_name": "\u200b", "last_name": "  "}, ("first_name", "last_name")),
        ({"customer_type": "BUSINESS"}, ("business_name",)),
        ({"customer_type": "BUSINESS", "first_name": "Ada", "last_name": "Byron"}, ("business_name",)),
        ({"customer_type": "BUSINESS", "business_name": None}, ("business_name",)),
    ],
)
def test_a_customer_needs_the_name_of_his_type(
    signed_in: Caller, session: Session, body: dict[str, Any], missing: tuple[str, ...]
) -> None:
    """An individual has a first or a last name, a business its own; what is missing is named."""
    said = refusal(signed_in().post(CUSTOMERS, json={"customer_code": "C-1", **body}), 422, fields=missing)

    assert set(said["errors"]) == set(missing)
    assert session.scalar(select(func.count()).select_from(Customer)) == 0


@pytest.mark.parametrize("name", ["first_name", "last_name"])
def test_a_person_may_have_one_name(signed_in: Caller, name: str) -> None:
    """Not everybody has two; a change may take one of two away, but not the last one."""
    client = signed_in()

    made = client.post(
        CUSTOMERS, json={"customer_code": "C-1", "customer_type": "INDIVIDUAL", name: "Suharto"}
    ).get_json()
    other, one = ({"first_name", "last_name"} - {name}).pop(), f"/api/customers/{made['id']}"

    assert (made["name"], made[name], made[other]) == ("Suharto", "Suharto", None)
    assert client.put(one, json={other: "B"}).status_code == 200
    assert client.put(one, json={name: None}).get_json()["name"] == "B"
    refusal(client.put(one, json={other: None}), 422, fields=("first_name", "last_name"))


def test_the_name_is_the_business_name_or_both_names(signed_in: Caller) -> None:
    """`name` is what a page shows."""
    client = signed_in()

    assert client.post(CUSTOMERS, json=ADA).get_json()["name"] == "Ada Byron"
    assert client.post(CUSTOMERS, json={**FILM, "first_name": "Ada"}).get_json()["name"] == "Film & Co"


def test_a_change_leaves_what_is_not_sent(signed_in: Caller, session: Session) -> None:
    """A change touches only what is sent, says who made it, and blanks change nothing."""
    customer = factories.customer(session, city="London", notes="N", created_by="someone")
    client = signed_in("CUSTOMER_UPDATE", "CUSTOMER_UPDATE_CREDIT", "CUSTOMER_VIEW", username="editor")
    before = client.get(_path(customer)).get_json()

    after = client.put(_path(customer), json={"last_name": "King", "city": "", "credit_limit": 7, "notes": None})

    assert after.status_code == 200
    changed = {name for name, value in after.get_json().items() if value != before[name]}
    assert changed == {"last_name", "name", "credit_limit", "notes", "updated_at", "updated_by"}
    assert (after.get_json()["updated_by"], after.get_json()["created_by"]) == ("editor", "someone")
    assert client.get(_path(customer)).get_json() == after.get_json()


@pytest.mark.parametrize("body", [{"first_name": None, "last_name": None}, {"customer_type": "BUSINESS"}])
def test_a_change_that_takes_the_name_is_refused(signed_in: Caller, session: Session, body: dict[str, Any]) -> None:
    """Nobody is left without the name of his type, and a refused change changes nothing."""
    customer = factories.customer(session)
    client = signed_in()
    before = client.get(_path(customer)).get_json()

    refusal(client.put(_path(customer), json=body), 422)

    assert client.get(_path(customer)).get_json() == before


def test_the_code_cannot_be_changed(signed_in: Caller, session: Session) -> None:
    """A code is given once."""
    customer = factories.customer(session)

    refusal(signed_in().put(_path(customer), json={"customer_code": "C-9"}), 422, fields=("customer_code",))


def test_money_is_rounded_half_up_to_two_places(signed_in: Caller, session: Session) -> None:
    """An amount is kept in cents; numbers and texts of numbers are read."""
    customer = factories.customer(session)
    client = signed_in()

    for sent, kept in ((0.005, 0.01), ("1.004", 1.0), (1e2, 100), (99_999_999.99, 99_999_999.99), (0, 0)):
        assert client.put(_path(customer), json={"credit_limit": sent}).get_json()["credit_limit"] == kept


def test_a_retired_customer_is_shown_but_not_listed(signed_in: Caller, session: Session) -> None:
    """Retiring takes a customer out of lists and searches; he is still shown, and nothing is deleted."""
    customer, other = factories.customer(session), factories.customer(session)
    client = signed_in("CUSTOMER_DELETE", "CUSTOMER_VIEW", username="boss")

    answer = client.delete(_path(customer))

    assert (answer.status_code, answer.data) == (204, b"")
    assert _ids(client.get(CUSTOMERS).get_json()) == {str(other.id)}
    assert client.get(CUSTOMERS).headers["X-Total-Count"] == "1"
    assert client.get("/api/customers/search?search_term=" + customer.customer_code).get_json() == []
    assert _ids(client.get(CUSTOMERS + "?is_active=false").get_json()) == {str(customer.id)}
    assert _ids(client.get(CUSTOMERS + "?active_only=false").get_json()) == {str(customer.id), str(other.id)}
    shown = client.get(_path(customer)).get_json()
    assert (shown["is_active"], shown["updated_by"]) == (False, "boss")
    session.refresh(customer)
    assert (customer.deleted_by, customer.deleted_at is not None) == ("boss", True)


def test_retiring_twice_keeps_the_first(signed_in: Caller, session: Session) -> None:
    """A repeated request does no harm: who retired him, and when, stays as it was."""
    customer = factories.customer(session)
    first, second = signed_in(username="first"), signed_in(username="second")

    assert first.delete(_path(customer)).status_code == 204
    session.refresh(customer)
    at = customer.deleted_at
    assert second.delete(_path(customer)).status_code == 204

    session.refresh(customer)
    assert (customer.deleted_by, customer.deleted_at) == ("first", at)


def test_a_customer_is_blacklisted_and_cleared_by_action(signed_in: Caller, session: Session) -> None:
    """The frontend's way knows two actions."""
    customer = factories.customer(session)
    client = signed_in("CUSTOMER_BLACKLIST", username="guard")

    banned = client.post(_path(customer, "/blacklist"), json={"action": "blacklist"}).get_json()
    cleared = client.post(_path(customer, "/blacklist"), json={"action": "unblacklist"}).get_json()

    assert (banned["blacklist_status"], banned["updated_by"]) == ("BLACKLISTED", "guard")
    assert cleared["blacklist_status"] == "CLEAR"


def test_a_customer_is_warned_about_with_a_reason(signed_in: Caller, session: Session) -> None:
    """The predecessor's way also knows a warning; reason and notes are added to what is noted."""
    customer = factories.customer(session, notes="Old friend")
    client = signed_in()
    body = {"blacklist_status": "WARNING", "blacklist_reason": "Late twice", "notes": "Call him"}

    warned = client.put(_path(customer, "/blacklist"), json=body).get_json()
    banned = client.put(_path(customer, "/blacklist"), json={"blacklist_status": "BLACKLISTED"}).get_json()

    assert (warned["blacklist_status"], warned["notes"]) == ("WARNING", "Old friend\nLate twice\nCall him")
    assert (banned["blacklist_status"], banned["notes"]) == ("BLACKLISTED", warned["notes"])


def test_the_status_is_changed_with_notes(signed_in: Caller, session: Session) -> None:
    """A customer can be suspended and taken up again."""
    customer = factories.customer(session)
    client = signed_in("CUSTOMER_UPDATE")

    suspended = client.put(_path(customer, "/status"), json={"status": "SUSPENDED", "notes": "Owes us"}).get_json()
    active = client.put(_path(customer, "/status"), json={"status": "ACTIVE"}).get_json()

    assert (suspended["status"], suspended["notes"]) == ("SUSPENDED", "Owes us")
    assert (active["status"], active["notes"]) == ("ACTIVE", "Owes us")


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {}),
        ("DELETE", "", None),
        ("POST", "/blacklist", {"action": "blacklist"}),
        ("PUT", "/blacklist", {"blacklist_status": "CLEAR"}),
        ("PUT", "/status", {"status": "ACTIVE"}),
    ],
)
def test_a_customer_who_does_not_exist_is_404(signed_in: Caller, method: str, rest: str, body: Any) -> None:
    """Every operation on an unknown id says that there is no such customer."""
    said = refusal(signed_in().open(f"{CUSTOMERS}{uuid.uuid4()}{rest}", method=method, json=body), 404)

    assert "customer" in said["detail"]


@pytest.mark.parametrize(
    ("method", "rest", "body", "permission"),
    [
        ("GET", "", None, "CUSTOMER_VIEW"),
        ("GET", "search?search_term=abc", None, "CUSTOMER_VIEW"),
        ("GET", "{id}", None, "CUSTOMER_VIEW"),
        ("POST", "", ADA, "CUSTOMER_CREATE"),
        ("PUT", "{id}", {}, "CUSTOMER_UPDATE"),
        ("DELETE", "{id}", None, "CUSTOMER_DELETE"),
        ("POST", "{id}/blacklist", {"action": "blacklist"}, "CUSTOMER_BLACKLIST"),
        ("PUT", "{id}/blacklist", {"blacklist_status": "WARNING"}, "CUSTOMER_BLACKLIST"),
        ("PUT", "{id}/status", {"status": "ACTIVE"}, "CUSTOMER_UPDATE"),
    ],
)
def test_each_operation_needs_its_permission(
    signed_in: Caller, session: Session, method: str, rest: str, body: Any, permission: str
) -> None:
    """Who holds the permission may, who holds all others may not and is told which one he lacks."""
    customer = factories.customer(session)
    path = CUSTOMERS + rest.format(id=customer.id)
    others = {f"CUSTOMER_{name}" for name in ("VIEW", "CREATE", "UPDATE", "DELETE", "BLACKLIST")} - {permission}

    said = refusal(signed_in(*others).open(path, method=method, json=body), 403)
    allowed = signed_in(permission).open(path, method=method, json=body)

    assert permission in said["detail"]
    assert allowed.status_code in (200, 201, 204), allowed.text


FILTERED = {
    "customer_type=BUSINESS": {"business"},
    "customer_type=CORPORATE": {"business"},
    "customer_type=INDIVIDUAL": {"plain", "gold", "suspended", "banned", "warned"},
    "customer_tier=GOLD": {"gold"},
    "status=SUSPENDED": {"suspended"},
    "customer_status=SUSPENDED": {"suspended"},
    "status=BLACKLISTED": {"banned"},
    "customer_status=BLACKLISTED": {"banned"},
    "blacklist_status=BLACKLISTED": {"banned"},
    "blacklist_status=WARNING": {"warned"},
    "is_active=false": {"retired"},
    "is_active=true": {"plain", "business", "gold", "suspended", "banned", "warned"},
    "active_only=true": {"plain", "business", "gold", "suspended", "banned", "warned"},
    "active_only=false&is_active=false": {"retired"},
    "active_only=false&customer_tier=GOLD": {"gold"},
    "customer_type=INDIVIDUAL&status=ACTIVE&blacklist_status=CLEAR": {"plain", "gold"},
    "status=PENDING": set(),
    "": {"plain", "business", "gold", "suspended", "banned", "warned"},
}


@pytest.mark.parametrize("path", ["/api/customers", "/api/customers/search"])
@pytest.mark.parametrize(("query", "expected"), FILTERED.items(), ids=FILTERED)
def test_a_filter_lets_through(signed_in: Caller, session: Session, path: str, query: str, expected: set[str]) -> None:
    """Each filter, alone and with others, lets through exactly these; the total says how many they are."""
    factories.customer(session, city="plain", notes="x")
    factories.customer(session, city="business", customer_type=CustomerType.BUSINESS, business_name="First & Last")
    factories.customer(session, city="gold", customer_tier=CustomerTier.GOLD)
    factories.customer(session, city="suspended", status=CustomerStatus.SUSPENDED)
    factories.customer(session, city="banned", blacklist_status=BlacklistStatus.BLACKLISTED)
    factories.customer(session, city="warned", blacklist_status=BlacklistStatus.WARNING)
    factories.customer(session, city="retired", is_active=False)
    client = signed_in("CUSTOMER_VIEW")
    term = "search_term=first&" if path.endswith("search") else ""

    found = client.get(f"{path}?{term}{query}")

    assert {row["city"] for row in found.get_json()} == expected
    assert found.headers["X-Total-Count"] == str(len(expected))


PAGES = {
    "": range(7),
    "limit=3": range(3),
    "limit=3&skip=3": range(3, 6),
    "limit=3&skip=6": range(6, 7),
    "limit=7": range(7),
    "limit=7&skip=0": range(7),
    "limit=3&skip=7": range(0),
    "limit=3&skip=999": range(0),
    "skip=5": range(5, 7),
    "limit=1000": range(7),
    "limit=1000&skip=0": range(7),
    "page=1&page_size=2": range(2),
    "page=2&page_size=2": range(2, 4),
    "page=4&page_size=2": range(6, 7),
    "page=5&page_size=2": range(0),
    "page=1": range(7),
    "page=2": range(0),
    "page_size=1000": range(7),
    "page=2&limit=4": range(4, 7),
    "page=3&limit=2&skip=": range(4, 6),
}


@pytest.mark.parametrize(("query", "expected"), PAGES.items(), ids=PAGES)
def test_a_page_holds_its_rows_newest_first(signed_in: Caller, session: Session, query: str, expected: range) -> None:
    """Every way of paging gives its part of the list, newest first, and always the total of the whole list."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    ages = [str(factories.customer(session, created_at=began - timedelta(days=age)).id) for age in range(7)]

    found = signed_in("CUSTOMER_VIEW").get(f"{CUSTOMERS}?{query}")

    assert [row["id"] for row in found.get_json()] == [ages[age] for age in expected]
    assert found.headers["X-Total-Count"] == "7"


def test_customers_of_one_moment_keep_their_order_over_pages(signed_in: Caller, session: Session) -> None:
    """Rows stored at the same moment come once each: no page repeats or leaves out one."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    made = {str(factories.customer(session, created_at=moment).id) for _ in range(9)}
    client = signed_in()

    pages = [client.get(f"{CUSTOMERS}?limit=2&skip={skip}").get_json() for skip in range(0, 9, 2)]

    seen = [row["id"] for page in pages for row in page]
    assert (len(seen), set(seen)) == (9, made)


def test_an_empty_list_is_an_empty_array(signed_in: Caller) -> None:
    """Without customers the list is `[]` of a total of 0."""
    found = signed_in().get(CUSTOMERS)

    assert (found.get_json(), found.headers["X-Total-Count"]) == ([], "0")


def test_more_than_a_hundred_come_when_asked_for(signed_in: Caller, session: Session) -> None:
    """A list has 100 rows unless more are asked for, up to 1000."""
    for _ in range(103):
        session.add(Customer(customer_code=uuid.uuid4().hex[:20], customer_type=CustomerType.BUSINESS))
    session.commit()
    client = signed_in()

    default, large = client.get(CUSTOMERS), client.get(CUSTOMERS + "?limit=1000")

    assert (len(default.get_json()), default.headers["X-Total-Count"]) == (100, "103")
    assert (len(large.get_json()), large.headers["X-Total-Count"]) == (103, "103")


@pytest.mark.parametrize("query", ["", "?limit=2&skip=1", "?search=first&status=ACTIVE", "?page=2&page_size=1"])
def test_a_list_is_one_statement(app: Flask, signed_in: Caller, session: Session, query: str) -> None:
    """A list costs one statement, however many rows and filters it has."""
    for _ in range(3):
        factories.customer(session)
    client = signed_in()

    with statements(app) as sent:
        assert client.get(CUSTOMERS + query).status_code == 200

    assert len(sent) == 1, sent


def test_showing_one_is_one_statement_and_changes_commit_once(app: Flask, signed_in: Caller, session: Session) -> None:
    """One customer is one statement; a creation is two and a change three, in one transaction each."""
    customer = factories.customer(session)
    client = signed_in()

    counted = []
    for method, path, body in (
        ("GET", _path(customer), None),
        ("POST", CUSTOMERS, ADA),
        ("PUT", _path(customer), {"city": "Leeds"}),
    ):
        with statements(app) as sent, commits(app) as ends:
            assert client.open(path, method=method, json=body).status_code in (200, 201)
        counted.append((len(sent), ends.count("commit")))

    assert counted[1:] == [(2, 1), (3, 1)]
    assert counted[0][0] == 1


def test_blank_texts_count_as_absent(signed_in: Caller) -> None:
    """A form that sends `""` for every optional field stores a customer with their defaults."""
    texts = ("business_name", "phone", "mobile", "address_line1", "address_line2", "city", "state", "country")
    others = ("postal_code", "tax_number", "tax_id", "payment_terms", "notes", "email", "credit_limit", "customer_tier")

    answer = signed_in().post(CUSTOMERS, json={**dict.fromkeys((*texts, *others), ""), **ADA})

    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    assert (made["customer_tier"], made["credit_limit"], made["email"], made["phone"]) == ("BRONZE", 0, "", "")
    assert {made[name] for name in ("business_name", "city", "tax_number", "tax_id", "notes", "mobile")} == {None}


def test_blank_parameters_count_as_absent(signed_in: Caller, session: Session) -> None:
    """Filters sent as `?search=&status=` filter nothing."""
    factories.customer(session)
    filters = ("search", "status", "customer_type", "customer_tier", "blacklist_status", "is_active", "active_only")

    found = signed_in().get(CUSTOMERS, query_string=dict.fromkeys((*filters, "limit", "skip", "page"), ""))

    assert found.status_code == 200, found.text
    assert found.headers["X-Total-Count"] == "1"


def test_blanks_around_a_text_are_cut_and_blanks_alone_are_none(signed_in: Caller) -> None:
    """A text of blanks only is no text: an individual is not called by a business name of blanks."""
    answer = signed_in().post(CUSTOMERS, json={**ADA, "first_name": "  Ada ", "business_name": "   "})

    assert answer.status_code == 201, answer.text
    assert (answer.get_json()["first_name"], answer.get_json()["name"]) == ("Ada", "Ada Byron")


def test_any_writing_is_kept_as_it_is(signed_in: Caller) -> None:
    """Letters of all scripts, emoji, quotes and markup come back as they were sent."""
    notes = "Zoë Ünal 李 🎬 \u202e <b>&amp;</b> 'quoted' \"twice\" \\ back\nslash\ttab"

    made = signed_in().post(CUSTOMERS, json={**ADA, "last_name": "O'Brien-李", "notes": notes}).get_json()

    assert (made["last_name"], made["notes"]) == ("O'Brien-李", notes)
