"""Reads of master data: one statement each, however many rows there are, and who may do what."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from rental_backend.web.endpoint.capabilities import contracts
from tests import factories
from tests.conftest import Caller
from tests.statements import statements

READS = (
    *(
        "brands/",
        "brands/?search=a&include_inactive=true&sort_field=item_count",
        "brands/search/?q=b",
        "brands/active/",
    ),
    *("units-of-measurement/", "units-of-measurement/search?q=u", "units-of-measurement/active?search=u"),
    *(
        "units-of-measurement/export",
        "categories/",
        "categories/?has_items=true&has_children=false&sort_field=child_count",
    ),
    *("categories/tree/", "categories/tree?include_inactive=true&root_id={category}", "categories/search?q=c"),
    *("categories/parents/", "categories/parents/?exclude_id={category}", "categories/leaves", "categories/{category}"),
    *("locations/", "locations/?search=a&location_type=STORE", "locations/search?search_term=lo", "locations/active"),
)
DEEDS = {"GET": "VIEW", "POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
ACTIONS = {"import": "IMPORT", "export": "EXPORT", "bulk-operation": "UPDATE", "tree": "VIEW"}


@pytest.mark.parametrize("path", READS)
def test_a_read_is_one_statement(app: Flask, signed_in: Caller, session: Session, path: str) -> None:
    """Counts of items and children, the envelope and the whole tree come with the rows: nothing is asked for each."""
    client = signed_in()
    parent = None
    for _ in range(4):
        parent = factories.category(session, parent)
        factories.item(session, category_id=parent.id, brand_id=factories.brand(session).id)
        factories.location(session)
    path = f"/api/master-data/{path.format(category=parent.id if parent else '')}"
    assert client.get(path).status_code == 200

    with statements(app) as sent:
        answer = client.get(path)

    assert (answer.status_code, len(sent)) == (200, 1), sent
    assert answer.data not in (b"[]", b"{}")


def test_every_operation_asks_for_its_permission(app: Flask) -> None:
    """Looking, creating, changing, deleting, importing and exporting master data are permitted one by one."""
    found = {
        (method, rule.removeprefix("/api/master-data/")): contract.permission
        for blueprint, method, rule, contract in contracts(app)
        if blueprint in ("brands", "categories", "units-of-measurement", "locations")
    }

    assert len(found) > 40
    for (method, rule), permission in found.items():
        last = rule.rstrip("/").rpartition("/")[2]
        changes = method == "POST" and "<uuid:id>" in rule
        deed = ACTIONS.get(last, "UPDATE" if changes else DEEDS[method])
        assert permission == f"MASTER_DATA_{deed}", (method, rule)
