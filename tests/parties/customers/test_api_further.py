"""The further calls about customers that some pages declare."""

from sqlalchemy.orm import Session

from rental_backend.parties.models import BlacklistStatus
from tests import factories
from tests.conftest import Caller
from tests.refusals import refusal

CUSTOMERS = "/api/customers"


def test_customers_are_found_by_code_name_and_blacklist(signed_in: Caller, session: Session) -> None:
    """Each of these calls gives the customers it is about, and no others."""
    factories.customer(session)
    wanted = factories.customer(
        session,
        customer_code="GOLD-1",
        last_name="Goldsmith",
        blacklist_status=BlacklistStatus.BLACKLISTED,
    )
    client = signed_in("CUSTOMER_VIEW")

    assert client.get(f"{CUSTOMERS}/code/GOLD-1").get_json()["id"] == str(wanted.id)
    refusal(client.get(f"{CUSTOMERS}/code/GOLD-2"), 404)
    for path in ("search/name?name=goldsm&limit=5", "blacklisted/?skip=0&limit=9"):
        assert [each["id"] for each in client.get(f"{CUSTOMERS}/{path}").get_json()] == [str(wanted.id)]


def test_tier_and_credit_have_calls_of_their_own(signed_in: Caller, session: Session) -> None:
    """Either is changed alone; the credit limit needs its own permission."""
    customer = factories.customer(session)
    client = signed_in("CUSTOMER_UPDATE", "CUSTOMER_UPDATE_CREDIT")

    tier = client.put(f"{CUSTOMERS}/{customer.id}/tier", json={"customer_tier": "PLATINUM"}).get_json()
    credit = client.put(f"{CUSTOMERS}/{customer.id}/credit-limit", json={"credit_limit": 12.345}).get_json()

    assert (tier["customer_tier"], credit["credit_limit"]) == ("PLATINUM", 12.35)
    refusal(client.put(f"{CUSTOMERS}/{customer.id}/credit-limit", json={}), 422, fields=("credit_limit",))
    clerk = signed_in("CUSTOMER_UPDATE")
    refusal(clerk.put(f"{CUSTOMERS}/{customer.id}/credit-limit", json={"credit_limit": 1}), 403)
