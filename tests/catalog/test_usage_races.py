"""Many at once: codes and names stay unique, the tree a tree, and nothing in use is deleted."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from rental_backend.catalog.models import Category, UnitOfMeasurement
from tests import factories
from tests.accounts.administering import at_once
from tests.catalog.trees import untrue
from tests.conftest import Caller
from tests.refusals import refusal
from tests.serving import until

MASTER = "/api/master-data"
CATEGORIES = f"{MASTER}/categories/"


def _patient(call: Callable[[], TestResponse]) -> Callable[[], TestResponse]:
    """Make a call again for as long as it is told that too many are at it."""

    def calling() -> TestResponse:
        answer = until(lambda: (made := call()).status_code != 503 and made)
        assert isinstance(answer, TestResponse)
        return answer

    return calling


def _creating(client: FlaskClient, name: str, parent: str | None = None) -> Callable[[], TestResponse]:
    return _patient(lambda: client.post(CATEGORIES, json={"name": name, "parent_category_id": parent}))


def _moved(id: uuid.UUID) -> str:
    return f"{CATEGORIES}{id}/move"


def test_twenty_at_once_get_twenty_codes(app: Flask, signed_in: Caller, session: Session) -> None:
    """Clerks who create categories of like names at the same moment get the codes one after another, none left out."""
    client = signed_in()
    parent = str(factories.category(session, category_code="CAM").id)

    statuses = at_once(*(_creating(client, f"Lenses{number}", parent) for number in range(20)))

    codes = session.scalars(select(Category.category_code).where(Category.category_level == 2)).all()
    numbered = ["CAM-LENS", *(f"CAM-LEN{n}" for n in range(2, 10)), *(f"CAM-LE{n}" for n in range(10, 21))]
    assert statuses == [201] * 20
    assert sorted(codes) == sorted(numbered)
    assert untrue(session) == []
    assert not app.extensions["services"].down()


def test_of_twenty_of_one_name_one_is_created(signed_in: Caller, session: Session) -> None:
    """The same name under the same parent at the same moment is 201 once and 409 for everybody else."""
    client = signed_in()

    statuses = at_once(*(_creating(client, "Lenses") for _ in range(20)))

    assert sorted(statuses) == [201, *[409] * 19]
    assert len(session.scalars(select(Category.id)).all()) == 1


def test_moves_at_once_make_no_circle(signed_in: Caller, session: Session) -> None:
    """Of moves that together would make a circle one is refused, in each of ten rounds.

    Each goes below a child of the next, which has a child itself, so that no two moves touch a row of each other.
    """
    client = signed_in()
    for _ in range(10):
        tops = [factories.category(session) for _ in range(3)]
        below = [factories.category(session, top) for top in tops]
        for child in below:
            factories.category(session, child)
        moves = [
            _patient(lambda one=one.id, to=str(to.id): client.patch(_moved(one), json={"new_parent_id": to}))
            for one, to in zip(tops, below[1:] + below[:1], strict=True)
        ]

        assert sorted(at_once(*moves)) == [200, 200, 409]
        assert untrue(session) == []


def test_a_child_keeps_its_parent(signed_in: Caller, session: Session) -> None:
    """A category that gets a child and is deleted at the same moment has the child or is gone, ten times over."""
    client = signed_in()
    outcomes = set()
    for _ in range(10):
        parent = str(factories.category(session).id)
        delete = _patient(lambda parent=parent: client.delete(f"{CATEGORIES}{parent}"))

        outcomes.add(tuple(at_once(_creating(client, "Child", parent), delete)))
        assert untrue(session) == []
    assert outcomes <= {(201, 409), (409, 204)}


@pytest.mark.parametrize("kind", ["brands", "categories", "units-of-measurement"])
def test_an_item_that_is_just_being_made_counts(signed_in: Caller, session: Session, kind: str) -> None:
    """Who deletes waits for an item that is being created with it, and is refused when it is there."""
    client = signed_in()
    make = {"brands": factories.brand, "categories": factories.category, "units-of-measurement": factories.unit}[kind]
    row, unit = make(session), factories.unit(session)
    reference = {"brands": "brand_id", "categories": "category_id"}.get(kind, "unit_of_measurement_id")
    values = {"unit_of_measurement_id": unit.id, reference: row.id}
    session.execute(
        text(
            "INSERT INTO items (sku, item_name, item_status, unit_of_measurement_id, rental_period, security_deposit, "
            "serial_number_required, warranty_period_days, reorder_point, is_rentable, is_saleable, is_rental_blocked, "
            f"is_active{'' if reference in ('unit_of_measurement_id',) else ', ' + reference}) VALUES "
            "('S', 'I', 'ACTIVE', :unit_of_measurement_id, 1, 0, false, 0, 1, true, false, false, true"
            f"{'' if reference == 'unit_of_measurement_id' else ', :' + reference})"
        ),
        values,
    )
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with ThreadPoolExecutor(1) as pool:
        deleting: Future[TestResponse] = pool.submit(client.delete, f"{MASTER}/{kind}/{row.id}")
        until(lambda: session.scalar(waiting))
        session.commit()

        assert refusal(deleting.result(), 409)["detail"].endswith("still has 1 item, so it cannot go.")


def test_many_units_are_changed_at_once_in_any_order(signed_in: Caller, session: Session) -> None:
    """Operations on the same units in opposite orders wait for each other once and both succeed."""
    client = signed_in()
    ids = [str(factories.unit(session).id) for _ in range(60)]

    def operating(order: list[str]) -> Callable[[], TestResponse]:
        body = {"unit_ids": order, "operation": "deactivate"}
        return _patient(lambda: client.post(f"{MASTER}/units-of-measurement/bulk-operation", json=body))

    assert at_once(*(operating(order) for order in (ids, ids[::-1]) * 4)) == [200] * 8
    assert set(session.scalars(select(UnitOfMeasurement.is_active))) == {False}
