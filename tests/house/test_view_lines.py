"""A view is a sentence: how many lines an operation takes, with a proof that more would be caught."""

from pathlib import Path

from flask import Flask

from rental_backend.app import create_app
from rental_backend.config import Config
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC
from rental_backend.web.endpoint.pipeline import endpoint
from tests.house.view_lines import MOST_LINES, view_lines


def _app(folder: Path) -> Flask:
    """Return an application that is never started: it connects to nothing."""
    folders = {"JOURNAL_FOLDER": str(folder), "BACKUP_FOLDER": str(folder)}
    return create_app(Config.from_environ({"ENVIRONMENT": "test", "SECRET_KEY": "k" * 40, **folders}))


def test_an_operation_takes_few_lines_of_a_view(tmp_path: Path) -> None:
    """All views together stay below the bound, or the longest of them is named."""
    found = view_lines(_app(tmp_path))

    assert found.operations > 200
    assert found.each <= MOST_LINES, f"{found.each:.2f} lines for each operation; longest: {found.longest}"


@endpoint(needs=NOTHING, permission=PUBLIC)
def talkative() -> dict[str, int]:
    """Take nine lines for one operation: these, its decorator and blank ones included.

    All of them count.
    """
    first = 1

    return {"first": first}


def test_a_view_that_grew_would_be_caught() -> None:
    """Lines are counted with decorators, docstring and blanks, once for all operations that the view answers."""
    app = Flask(__name__, static_folder=None)
    app.get("/talk")(talkative)
    one = view_lines(app)
    app.add_url_rule("/talk-again", view_func=talkative, methods=["PUT", "PATCH"], endpoint="again")
    three = view_lines(app)

    assert (one.operations, one.each, one.longest) == (1, 9.0, f"{__name__}.talkative")
    assert one.each > MOST_LINES >= three.each == 3.0
