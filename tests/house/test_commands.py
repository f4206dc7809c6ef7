"""Forms and the types of what services take agree; the rule with a proof."""

import importlib
from pathlib import Path
from typing import Any, TypedDict

from marshmallow import fields, post_load

from rental_backend.app import create_app
from rental_backend.config import Config
from rental_backend.fields import Text
from rental_backend.schemas import Payload
from rental_backend.web.resource.resource import Resource
from tests.house.commands import Command, disagreeing, of_resources, of_views

ROOT = Path(__file__).parents[2]


def _resources() -> list[Resource[Any]]:
    files = sorted((ROOT / "rental_backend").glob("*/*/api.py"))
    modules = [importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in files]
    return [each for module in modules for each in vars(module).values() if isinstance(each, Resource)]


def test_services_take_what_their_forms_say(tmp_path: Path) -> None:
    """Each name that a form hands on is in the type of its service, and each name of the type comes from a form."""
    folders = {"JOURNAL_FOLDER": str(tmp_path), "BACKUP_FOLDER": str(tmp_path)}
    app = create_app(Config.from_environ({"ENVIRONMENT": "test", "SECRET_KEY": "k" * 40, **folders}))
    commands = [*of_views(app), *of_resources(_resources())]

    assert {command.type.__name__ for command in commands} >= {"CustomerValues", "ItemValues", "UserValues"}
    found = list(disagreeing(commands))
    assert not found, "\n".join(found)


class BoatValues(TypedDict, total=False):
    """What can be said of a boat."""

    name: str
    length: int


class NewBoat(Payload):
    """A new boat; `title` is settled as its name."""

    name = Text(20)
    title = Text(20)
    colour = Text(20, required=True)
    pin = fields.String()

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave the name."""
        return {"name" if name == "title" else name: value for name, value in data.items()}


def test_a_disagreement_would_be_named() -> None:
    """A name that the type lacks is named, unless the view takes it, and so is one that no form says."""
    command = Command("boats.create", NewBoat(), BoatValues, frozenset({"pin"}))

    assert list(disagreeing([command])) == [
        "boats.create: BoatValues lacks colour",
        f"{__name__}: BoatValues names length, which no form says",
    ]
