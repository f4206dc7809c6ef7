"""Finding customers by what is written in them: a text is a text, never SQL and never a pattern."""

import pytest
from sqlalchemy.orm import Session

from rental_backend.parties.models import CustomerType
from tests import factories
from tests.conftest import Caller

CUSTOMERS = "/api/customers/"


@pytest.mark.parametrize(
    ("column", "stored", "text"),
    [
        ("customer_code", "FILM-77", "film-7"),
        ("business_name", "Bright Lights Ltd", "LIGHTS"),
        ("first_name", "Zoë", "zoë"),
        ("last_name", "Okonkwo-Smith", "wo-sm"),
        ("email", "zz.top@example.org", "ZZ.TOP@"),
        ("phone", "+91 9876543210", "98765"),
        ("mobile", "0170 1234567", "0170 12"),
    ],
)
def test_a_search_looks_at(signed_in: Caller, session: Session, column: str, stored: str, text: str) -> None:
    """A search finds a part of each of these, in any case of the letters, and nobody else."""
    factories.customer(session)
    wanted = factories.customer(session, **{column: stored})
    client = signed_in("CUSTOMER_VIEW")

    for path, name in ((CUSTOMERS, "search"), ("/api/customers/search", "search_term")):
        found = client.get(path, query_string={name: text})
        assert [each["id"] for each in found.get_json()] == [str(wanted.id)]
        assert found.headers["X-Total-Count"] == "1"


def test_a_search_finds_a_first_and_last_name_together(signed_in: Caller, session: Session) -> None:
    """What is read as one name is found as one."""
    factories.customer(session, first_name="Ada", last_name="Lovelace")
    wanted = factories.customer(session, first_name="Ada", last_name="Byron")

    found = signed_in().get(CUSTOMERS, query_string={"search": "ada byr"}).get_json()

    assert [each["id"] for each in found] == [str(wanted.id)]


def test_a_search_goes_together_with_filters(signed_in: Caller, session: Session) -> None:
    """A filter narrows what a search finds."""
    factories.customer(session, last_name="Same")
    wanted = factories.customer(session, customer_type=CustomerType.BUSINESS, business_name="Same")
    query = {"search": "same", "customer_type": "BUSINESS"}

    found = signed_in().get(CUSTOMERS, query_string=query)

    assert [each["id"] for each in found.get_json()] == [str(wanted.id)]
    assert found.headers["X-Total-Count"] == "1"


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE customers; --", "' OR '1'='1", '"', "$$", "%(search)s", ":search", "{0}", "\\", "\\'"]
)
def test_sql_in_a_search_is_only_text(signed_in: Caller, session: Session, text: str) -> None:
    """A search for SQL finds the customer who is called so, and nobody else."""
    factories.customer(session)
    wanted = factories.customer(session, last_name=f"X{text}Y")
    client = signed_in()

    for path, name in ((CUSTOMERS, "search"), ("/api/customers/search", "search_term")):
        found = client.get(path, query_string={name: f"X{text}Y"})
        assert [each["id"] for each in found.get_json()] == [str(wanted.id)]
        assert found.headers["X-Total-Count"] == "1"


@pytest.mark.parametrize("sign", ["%", "_", "\\", "%%", "\\%", "_%"])
def test_a_wildcard_in_a_search_is_taken_literally(signed_in: Caller, session: Session, sign: str) -> None:
    """Signs that LIKE reads as wildcards find only texts that hold them."""
    factories.customer(session, last_name="aXXb")
    wanted = factories.customer(session, last_name=f"a{sign}b")

    found = signed_in().get(CUSTOMERS, query_string={"search": f"a{sign}b"}).get_json()

    assert [each["id"] for each in found] == [str(wanted.id)]


def test_a_search_that_finds_nobody_is_an_empty_list(signed_in: Caller, session: Session) -> None:
    """Nothing found is no error."""
    factories.customer(session)

    found = signed_in().get(CUSTOMERS, query_string={"search": "nobody is called so"})

    assert (found.status_code, found.get_json(), found.headers["X-Total-Count"]) == (200, [], "0")


@pytest.mark.parametrize("sent", ["Zo\u00eb", "Zoe\u0308"], ids=ascii)
@pytest.mark.parametrize("wanted", ["Zo\u00eb", "Zoe\u0308"], ids=ascii)
def test_a_letter_with_a_mark_is_one_letter(signed_in: Caller, sent: str, wanted: str) -> None:
    """Whichever way a keyboard writes it: two customers do not differ by it, and a search finds both ways."""
    client = signed_in()
    new = {"customer_code": sent, "customer_type": "INDIVIDUAL", "first_name": sent, "last_name": "B"}

    made = client.post(CUSTOMERS, json=new | {"email": "zoe@example.com "}).get_json()
    again = client.post(CUSTOMERS, json=new | {"customer_code": wanted})

    assert (made["first_name"], made["email"]) == ("Zo\u00eb", "zoe@example.com")
    assert again.get_json()["code"] == "customer_code_taken"
    found = client.get(CUSTOMERS, query_string={"search": wanted}).get_json()
    assert [each["id"] for each in found] == [made["id"]]
    assert client.get(f"/api/customers/code/{wanted}").get_json()["id"] == made["id"]
