"""Entity tags: nothing is sent twice, and nobody overwrites what he has not seen; on games."""

import uuid
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.refusals import refusal
from tests.web.conftest import Player
from tests.web.sample_resource import Game, stored


def _tagged(player: Player, shelf: Session) -> tuple[Any, Game, str]:
    """A client, a game, and the tag under which he has seen it."""
    (game,) = stored(shelf, ["Go"])
    client = player()
    return client, game, client.get(f"/api/games/{game.id}").headers["ETag"]


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"other", {tag}', '"other", W/{tag}', "*"])
def test_what_is_known_is_not_sent_again(player: Player, shelf: Session, known: str) -> None:
    """304 for a tag that is still true, also one that a proxy made weak, and without a body."""
    client, game, tag = _tagged(player, shelf)

    answer = client.get(f"/api/games/{game.id}", headers={"If-None-Match": known.format(tag=tag)})

    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize("known", ["", '"other"', "W/", "x"])
def test_what_is_not_known_is_sent(player: Player, shelf: Session, known: str) -> None:
    """Any other tag, or none, gets the whole answer; so does a list, which has no tag."""
    client, game, _ = _tagged(player, shelf)

    for path in (f"/api/games/{game.id}", "/api/games"):
        answer = client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.data != b"") == (200, True)
    assert "ETag" not in answer.headers


def test_a_tag_changes_with_what_it_is_of(player: Player, shelf: Session) -> None:
    """A change gives a new tag, the same again the old one."""
    client, game, tag = _tagged(player, shelf)

    changed = client.put(f"/api/games/{game.id}", json={"players": 3})

    assert changed.headers["ETag"] != tag
    assert client.get(f"/api/games/{game.id}", headers={"If-None-Match": tag}).status_code == 200
    assert client.get(f"/api/games/{game.id}").headers["ETag"] == changed.headers["ETag"]


CHANGES = [("PUT", "", {"players": 3}), ("PATCH", "", {"players": 3}), ("DELETE", "", None), ("POST", "/play", None)]


@pytest.mark.parametrize(("method", "rest", "body"), CHANGES)
def test_nobody_changes_what_he_has_not_seen(
    player: Player, shelf: Session, method: str, rest: str, body: dict[str, int] | None
) -> None:
    """With an old tag a change is 412 and nothing happens, verbs included; with the new one, or `*`, it is made."""
    client, game, old = _tagged(player, shelf)
    path = f"/api/games/{game.id}"
    new = client.put(path, json={"players": 9}).headers["ETag"]
    before = client.get(path).data

    for wrong in (old, f"W/{new}", '"x", "y"', f"{old}, W/{new}"):
        said = refusal(client.open(path + rest, method=method, json=body, headers={"If-Match": wrong}), 412)
        assert said["code"] == "precondition_failed"
    assert client.get(path).data == before

    for right in (f'"x", {new}', "*"):
        assert client.open(path + rest, method=method, json=body, headers={"If-Match": right}).status_code < 300
        shelf.rollback()
        if right != "*":
            client.put(path, json={"players": 9, "kind": "board", "is_active": True})


def test_a_condition_on_what_is_not_there_is_404(player: Player) -> None:
    """There is nothing to compare a tag with."""
    refusal(player().put(f"/api/games/{uuid.uuid4()}", json={}, headers={"If-Match": "*"}), 404)
