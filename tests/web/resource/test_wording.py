"""What the rows of a resource are called, and the sentences that are made of it."""

from dataclasses import replace

import pytest
from flask import Flask

from rental_backend.web.endpoint.contracts import operation_of
from rental_backend.web.resource.wording import Noun, says
from tests.web.sample_resource import GAMES, Game

Die: type[Game] = type("Die", (), {})  # called otherwise, and no table of its own


@pytest.mark.parametrize(
    ("singular", "one"),
    [
        ("customer", "a customer"),
        ("item", "an item"),
        ("unit of measurement", "a unit of measurement"),
        ("user", "a user"),
        ("upload", "an upload"),
        ("hour", "an hour"),
    ],
)
def test_a_noun_has_the_article_of_its_sound(singular: str, one: str) -> None:
    """A vowel takes `an`, unless it sounds like `you`."""
    assert Noun(singular, f"{singular}s").one == one


def test_a_resource_is_called_as_it_is_named() -> None:
    """The model gives the singular and the name the plural."""
    assert GAMES.called == Noun("game", "games")
    assert replace(GAMES, name="board-games").called == Noun("game", "board games")
    assert replace(GAMES, model=Die, name="dice").called == Noun("die", "dice")


def test_each_view_of_a_resource_has_its_own_sentence() -> None:
    """What is declared is told with its noun, the description after the summary."""
    app = Flask(__name__)
    app.register_blueprint(replace(GAMES, model=Die, name="dice").blueprint())

    found = {name.partition(".")[2]: operation_of(view) for name, view in app.view_functions.items()}
    told = {name: str(operation.view.__doc__).partition(". ")[0] for name, operation in found.items() if operation}

    assert told == {
        "browse": "List dice",
        "show": "Show a die",
        "create": "Create a die.",
        "change": "Change a die",
        "retire": "Soft-delete a die",
    }


def test_a_view_is_given_what_it_says() -> None:
    """The docstring is replaced, and the view is the same."""

    def view() -> None:
        """Nothing."""

    assert says("Show a game.")(view) is view
    assert view.__doc__ == "Show a game."
