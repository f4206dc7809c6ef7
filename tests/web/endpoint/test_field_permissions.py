"""Fields that take a permission of their own, on toys: what a view is given, and what is refused by name."""

import uuid
from typing import Any, ClassVar

import pytest
from marshmallow import fields
from sqlalchemy.orm import Session

from rental_backend.fields import Text
from rental_backend.guards import guarded
from rental_backend.schemas import Payload
from rental_backend.web.endpoint.field_permissions import guarded_form
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC
from rental_backend.web.endpoint.pipeline import endpoint
from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.toys import Offer, Toy

DOLL = {"name": "doll", "price": 5, "colour": "red"}


@pytest.fixture
def doll(shelf: Session) -> str:
    """The path of a doll for 5."""
    toy = Toy(**DOLL)
    shelf.add(toy)
    shelf.commit()
    return f"/offers/{toy.id}"


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ({"name": "puppet"}, {"name": "puppet"}),
        ({"price": 5}, {}),
        ({"price": "5.00", "colour": "red"}, {"colour": "red"}),
        ({"colour": "blue"}, {"colour": "blue"}),
        ({"box": {"name": "carton", "price": 0}}, {"box": {"name": "carton"}}),
        ({"parts": [{"name": "arm"}, {"price": 0}]}, {"parts": [{"name": "arm"}, {}]}),
    ],
)
def test_what_says_nothing_new_is_left_out(player: Player, doll: str, sent: Any, given: Any) -> None:
    """So that it undoes nothing that somebody else changes at the same time; what takes no permission is left in."""
    answer = player("TOY_CREATE").put(doll, json=sent)

    assert (answer.status_code, answer.get_json()) == (200, {"given": given})


@pytest.mark.parametrize(
    ("sent", "missing"),
    [
        ({"name": "puppet", "price": 6}, {"price": "TOY_PRICE"}),
        ({"price": 0, "colour": "gold"}, {"price": "TOY_PRICE", "colour": "TOY_GOLD"}),
        ({"secret": "s"}, {"secret": "TOY_SECRET"}),
        ({"price": 5, "box": {"price": 1}}, {"box.price": "TOY_PRICE"}),
        ({"parts": [{"price": 0}, {"price": 5}]}, {"parts.price": "TOY_PRICE"}),
    ],
)
def test_what_changes_is_refused_by_field_and_permission(
    player: Player, doll: str, sent: Any, missing: dict[str, str]
) -> None:
    """All that is wanting is named at once, also within lists and forms."""
    said = refusal(player("TOY_CREATE").put(doll, json=sent), 403, fields=tuple(missing))

    assert said["errors"] == {name: [f"Needs the permission {each}."] for name, each in missing.items()}
    assert said["missing"] == sorted(set(missing.values()))
    allowed = player("TOY_CREATE", *missing.values()).put(doll, json=sent)
    assert sorted(allowed.get_json()["given"]) == sorted(sent)


def test_a_new_row_is_compared_with_its_defaults(player: Player, shelf: Session) -> None:  # noqa: ARG001
    """What it would be anyway is no offence."""
    clerk = player("TOY_CREATE")

    assert clerk.post("/offers", json={"price": 0, "colour": None}).get_json() == {"given": {"colour": None}}
    refusal(clerk.post("/offers", json={"price": 1}), 403, fields=("price",))


def test_a_row_that_is_not_there_is_for_the_view_to_say(player: Player, shelf: Session) -> None:  # noqa: ARG001
    """Nothing is compared, and what the caller may not change does not get to the view."""
    answer = player("TOY_CREATE").put(f"/offers/{uuid.uuid4()}", json={"price": 9, "name": "x"})

    assert answer.get_json() == {"given": {"name": "x"}}


def test_a_declaration_that_cannot_be_held_is_refused() -> None:
    """A guarded field that is required, whose row is unknown, or that is taken by a view without caller or session."""

    class Required(Payload):
        STORED: ClassVar = Toy
        price = Text(required=True, metadata=guarded("TOY_PRICE"))

    class Nowhere(Payload):
        price = Text(metadata=guarded("TOY_PRICE"))

    class Within(Payload):
        inner = fields.Nested(Nowhere)

    for form in (Required(), Nowhere(), Within()):
        with pytest.raises(TypeError):
            guarded_form(form)
    assert guarded_form(None) is None
    for contract in ({"permission": PUBLIC}, {"permission": "TOY_CREATE"}):
        with pytest.raises(TypeError, match="needs a caller and a session"):
            endpoint(needs=NOTHING, accepts=Offer(), **contract)(lambda **_: None)
