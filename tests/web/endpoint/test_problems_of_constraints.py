"""What the caller hears of a constraint: the field by its name, never a value; on games and their pieces."""

import uuid
from typing import Any

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.sample_resource import Game, Piece, stored

CLASHES = {
    "a unique index over lower(name)": ({"name": "GO"}, 409, {"name": ["Is in use already."]}),
    "a key of two columns": (
        {"name": "Chess", "maker": "Nihon", "edition": 1},
        409,
        {name: ["maker, edition are in use together already."] for name in ("maker", "edition")},
    ),
    "a check": ({"name": "Nim", "players": 0}, 422, {"players": ["Is not a value that goes with the rest."]}),
    "a reference to nothing": (
        {"name": "Nim", "parent_id": str(uuid.UUID(int=7))},
        422,
        {"parent_id": ["There is no such thing."]},
    ),
    "a number out of range": (
        {"name": "Nim", "players": 2**40},
        422,
        {"body": ["A value is out of the range the database can hold."]},
    ),
}


@pytest.mark.parametrize(("body", "status", "errors"), CLASHES.values(), ids=CLASHES)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_constraint_names_its_fields(
    player: Player, shelf: Session, method: str, body: dict[str, Any], status: int, errors: dict[str, list[str]]
) -> None:
    """Creations and changes are refused alike, with the columns' names and without a value that is stored."""
    stored(shelf, ["Go"], maker="Nihon", edition=1)
    (other,) = stored(shelf, ["Mill"])
    path = "/api/games" if method == "POST" else f"/api/games/{other.id}"

    said = refusal(player().open(path, method=method, json=body), status)

    assert said["errors"] == errors
    assert "Nihon" not in said["detail"]


def test_what_others_need_is_not_deleted(player: Player, shelf: Session) -> None:
    """A reference in the other direction says who it is that needs it, with both ways of refusing a deletion."""
    game, parent = stored(shelf, ["Go", "Mill"])
    shelf.add(Piece(label="a stone", game_id=game.id))
    stored(shelf, ["Nine men's morris"], parent_id=parent.id)
    client = player()

    for row, user in ((game, "game pieces"), (parent, "games")):
        said = refusal(client.delete(f"/api/games/{row.id}/pieces"), 409)
        assert (said["code"], user in said["detail"]) == ("in_use", True)


def test_a_value_that_is_missing_is_named(player: Player, shelf: Session) -> None:
    """Where a form lets through what the table must have, it is 422 and not 500."""
    shelf.execute(Game.__table__.delete())
    shelf.execute(_nullable("SET"))
    shelf.commit()
    try:
        said = refusal(player().post("/api/games", json={"name": "Go"}), 422)
    finally:
        shelf.execute(_nullable("DROP"))
        shelf.commit()

    assert said["errors"] == {"maker": ["Must be given."]}


def _nullable(action: str) -> TextClause:
    return text(f"ALTER TABLE games ALTER maker {action} NOT NULL")
