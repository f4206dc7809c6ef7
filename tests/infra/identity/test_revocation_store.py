"""What is stored of an account in the list of changes comes back whole."""

import uuid
from dataclasses import replace

import pytest

from rental_backend.infra.identity.account import Account
from rental_backend.infra.identity.revocation_store import _packed, _unpacked

ADA = Account(
    uuid.UUID(int=7),
    "ada",
    active=True,
    superuser=False,
    permissions=frozenset({"CUSTOMER_VIEW", "ITEM_VIEW"}),
    ending=(("ITEM_VIEW", 1_795_640_400.5), ("CUSTOMER_VIEW", 1.0)),
)
KINDS = {
    "with rights for a time": ADA,
    "disabled": replace(ADA, active=False),
    "superuser": replace(ADA, superuser=True, permissions=frozenset(), ending=()),
    "unknown": None,
}


@pytest.mark.parametrize("account", KINDS.values(), ids=KINDS)
def test_an_account_comes_back_as_it_was(account: Account | None) -> None:
    """Also when its rights end: without that a host that cannot ask would let them last."""
    assert _unpacked(_packed(account)) == account


@pytest.mark.parametrize("wrong", ["[]", "{}", '{"id": "x"}', "nonsense"])
def test_what_is_no_account_is_refused(wrong: str) -> None:
    """By an error that the reader of the list takes for "not known"."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        _unpacked(wrong)
