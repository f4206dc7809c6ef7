"""What a declared resource does, on games."""

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.sample_resource import GAMES, Game, stored

GAME = {"name": "Go", "kind": "board", "players": 2, "price": 19.9}


def test_what_is_created_is_answered_and_found_where_it_is_said_to_be(player: Player, shelf: Session) -> None:
    """201 shows what was stored, names its place and its tag; the same is shown there."""
    client = player()

    made = client.post("/api/games", json=GAME)
    shown = client.get(made.headers["Location"])

    assert made.status_code == 201
    assert GAME.items() <= made.get_json().items()
    assert (shown.data, shown.headers["ETag"]) == (made.data, made.headers["ETag"])
    row = shelf.scalars(select(Game)).one()
    assert row.created_by == row.updated_by == made.get_json()["updated_by"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_leaves_what_is_not_sent(player: Player, shelf: Session, method: str) -> None:
    """PUT and PATCH are the same: what is sent is changed, by whom is noted, the rest stays."""
    (game,) = stored(shelf, ["Go"], price=5, maker="Nihon")

    changed = player().open(f"/api/games/{game.id}", method=method, json={"price": 7.5, "maker": None})

    said = changed.get_json()
    assert (said["name"], said["price"], said["maker"]) == ("Go", 7.5, None)
    assert said["updated_by"].startswith("user")


def test_retiring_and_bringing_back(player: Player, shelf: Session) -> None:
    """What is retired leaves the lists, is still shown, is listed when asked for, and comes back by a change."""
    (game,) = stored(shelf, ["Go"])
    client = player()

    assert client.delete(f"/api/games/{game.id}").status_code == 204
    assert client.get("/api/games").get_json() == []
    assert client.get(f"/api/games/{game.id}").get_json()["is_active"] is False
    assert len(client.get("/api/games?active_only=false").get_json()) == 1
    shelf.refresh(game)
    assert game.deleted_at is not None
    assert client.put(f"/api/games/{game.id}", json={"is_active": True}).status_code == 200
    shelf.refresh(game)
    assert (game.deleted_at, game.deleted_by) == (None, None)
    assert len(client.get("/api/games").get_json()) == 1


def test_only_what_is_declared_is_there(player: Player, shelf: Session) -> None:
    """Without a form for changes there is no change, and what does not retire cannot be deleted."""
    (game,) = stored(shelf, ["Go"])

    for method in ("PUT", "PATCH", "DELETE"):
        refusal(player().open(f"/api/game-shop/{game.id}", method=method, json={}), 405)


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "", "GAME_VIEW"),
        ("GET", "/{id}", "GAME_VIEW"),
        ("POST", "", "GAME_CREATE"),
        ("PUT", "/{id}", "GAME_UPDATE"),
        ("PATCH", "/{id}", "GAME_UPDATE"),
        ("DELETE", "/{id}", "GAME_DELETE"),
        ("POST", "/import", "GAME_CREATE"),
        ("GET", "/export", "GAME_EXPORT"),
    ],
)
def test_each_operation_has_its_permission(player: Player, method: str, path: str, permission: str) -> None:
    """Each is refused to who has all others, by the name of what he lacks."""
    others = {f"GAME_{name}" for name in ("VIEW", "CREATE", "UPDATE", "DELETE", "EXPORT")} - {permission}

    said = refusal(player(*others).open("/api/games" + path.format(id=uuid.uuid4()), method=method, json={}), 403)

    assert said["permission"] == permission


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_not_there_is_404_by_its_name(player: Player, method: str) -> None:
    """Whatever is done to an unknown id says what there is none of."""
    said = refusal(player().open(f"/api/games/{uuid.uuid4()}", method=method, json={}), 404)

    assert "game" in said["detail"]


def test_a_head_is_a_get_without_its_body(player: Player, shelf: Session) -> None:
    """HEAD has the headers of GET, of lists and of one."""
    (game,) = stored(shelf, ["Go"])
    client = player()

    for path in ("/api/games", f"/api/games/{game.id}"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.data) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "X-Total-Count"):
            assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(
    ("query", "names", "envelope"),
    [
        ("", "abcde", (1, 100, 1, False, False)),
        ("?page_size=2", "ab", (1, 2, 3, True, False)),
        ("?page_size=2&page=2", "cd", (2, 2, 3, True, True)),
        ("?page_size=2&page=3", "e", (3, 2, 3, False, True)),
        ("?page_size=2&page=4", "", (4, 2, 3, False, True)),
        ("?limit=2&skip=2", "cd", (2, 2, 3, True, True)),
    ],
)
def test_a_list_in_pages_says_where_it_stands(
    player: Player, shelf: Session, query: str, names: str, envelope: tuple[int, int, int, bool, bool]
) -> None:
    """The envelope tells the page, how many there are, and whether there is one before and after."""
    stored(shelf, "ecadb")

    said = player().get(f"/api/game-shop{query}").get_json()

    assert [row["name"] for row in said["items"]] == list(names)
    assert said["total"] == 5
    members = ("page", "page_size", "total_pages", "has_next", "has_previous")
    assert tuple(said[name] for name in members) == envelope


def test_verbs_find_their_row_or_refuse(player: Player, shelf: Session) -> None:
    """A verb on the blueprint changes the row it finds, and answers with it."""
    (game,) = stored(shelf, ["Go"])
    client = player("GAME_UPDATE")

    assert client.post(f"/api/games/{game.id}/play").get_json()["kind"] == "worn"
    refusal(client.post(f"/api/games/{uuid.uuid4()}/play"), 404)


def test_without_a_service_a_row_is_made_of_its_fields(player: Player, shelf: Session) -> None:
    """A resource that declares no service stores what was sent, in the caller's name."""
    made = player().post("/api/game-shop", json=GAME)

    assert made.status_code == 201
    assert shelf.scalars(select(Game.created_by)).one() == made.get_json()["updated_by"]
    assert GAMES.maker is not None
