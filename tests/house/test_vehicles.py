"""A resource takes six files, works with them, keeps every rule, and whichever of them is forgotten is named."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from deploy.private.check import COMMANDS
from tests import factories
from tests.deploy.launching import Checkout
from tests.house.vehicles import CHANGED, PLACES, add

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MOST_FILES = 6
LACKS = "rental_backend/accounts/access/permissions.py: lacks VEHICLE_"
# By which check, and in which words, somebody who forgot one of the files is told.
NAMED = {
    "rental_backend/catalog/vehicles/__init__.py": (
        *("rules of the house", "rental_backend/catalog/vehicles/__init__.py is missing"),
    ),
    "rental_backend/catalog/vehicles/schemas.py": (
        *("types", 'module named "rental_backend.catalog.vehicles.schemas"'),
    ),
    "rental_backend/catalog/vehicles/api.py": ("types", 'module named "rental_backend.catalog.vehicles.api"'),
    "rental_backend/catalog/models.py": ("types", '"rental_backend.catalog.models" has no attribute "Vehicle"'),
    "rental_backend/catalog/domain.py": (
        *("rules of the house", "rental_backend/catalog/domain.py: lacks the blueprint 'vehicles' of vehicles/api.py"),
    ),
    "rental_backend/accounts/access/permissions.py": ("rules of the house", LACKS),
}
USE = """
import json, sys
from rental_backend.app import create_app
from rental_backend.catalog.models import Vehicle

app = create_app()
services = app.extensions["services"]
services.start()
assert services.wait_until_settled(20)
Vehicle.__table__.create(services.database.engine)
try:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = "Bearer " + sys.argv[1]
    asked = [client.post("/api/vehicles", json={"plate": "KA-01", "make": "Tata", "seats": 3})]
    one = "/api/vehicles/" + asked[0].get_json()["id"]
    asked += [client.post("/api/vehicles", json={"plate": "KA-02", "seats": 0}), client.get(one)]
    asked += [client.patch(one, json={"seats": 7}), client.get("/api/vehicles?search=tata")]
    asked += [client.delete(one), client.get("/api/vehicles"), app.test_client().get("/api/vehicles")]
    print(json.dumps([[each.status_code, each.get_json(silent=True)] for each in asked]))
finally:
    Vehicle.__table__.drop(services.database.engine)
    services.stop()
"""


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which everything is installed, with what checks of this one have remembered."""
    made = Checkout(tmp_path_factory.mktemp("vehicles") / "copy")
    made.lend_environment()
    for cache in (".mypy_cache", ".import_linter_cache"):
        if (ROOT / cache).is_dir():
            shutil.copytree(ROOT / cache, made.folder / cache)
    return made


@pytest.fixture
def copy(copies: Checkout) -> Iterator[Checkout]:
    """The same, without vehicles; after the test they are gone again."""
    originals = {place: (copies.folder / place).read_text() for place in CHANGED}
    models = copies.folder / "rental_backend" / "catalog" / "models.py"
    before = models.read_text()
    yield copies
    shutil.rmtree(copies.folder / "rental_backend" / "catalog" / "vehicles", ignore_errors=True)
    models.write_text(before)
    for place, text in originals.items():
        (copies.folder / place).write_text(text)


def _said(copy: Checkout, name: str) -> tuple[int, str]:
    """Run one check in the copy; of the rules of the house, those about names and domains. Return what it says."""
    program, *arguments = COMMANDS[name]
    if program == "pytest":
        arguments = ["-q", "--no-header", "tests/house/test_domains.py", "tests/house/test_names.py"]
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=copy.folder,
        env={**copy.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_vehicles_take_six_files_and_work(
    copy: Checkout, settings: dict[str, str], app: Flask, session: Session
) -> None:
    """Created, refused, shown, changed, found and retired by a superuser; a stranger is turned away."""
    assert len(PLACES) <= MOST_FILES
    add(copy.folder)
    user = factories.user(session, is_superuser=True)
    token = factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)

    done = subprocess.run(
        [sys.executable, "-c", USE, token],
        cwd=copy.folder,
        env={**settings, "PATH": copy.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    made, refused, shown, changed, found, retired, left, stranger = json.loads(done.stdout.splitlines()[-1])
    vehicle = {"plate": "KA-01", "make": "Tata", "seats": 3, "created_by": user.username}
    assert (made[0], vehicle.items() <= made[1].items()) == (201, True)
    assert (refused[0], list(refused[1]["errors"])) == (422, ["seats"])
    assert (shown[0], shown[1]["plate"]) == (200, "KA-01")
    assert (changed[0], changed[1]["seats"]) == (200, 7)
    assert (found[0], [each["seats"] for each in found[1]]) == (200, [7])
    assert (retired[0], left) == (204, [200, []])
    assert stranger[0] == 401


@pytest.mark.full
def test_vehicles_keep_every_rule(copy: Checkout) -> None:
    """Lint, format, types, imports and the rules of the house pass with them."""
    add(copy.folder)

    done = copy.run("deploy/check")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed") == len(COMMANDS)


@pytest.mark.full
@pytest.mark.parametrize("forgotten", PLACES)
def test_a_forgotten_file_is_named(copy: Checkout, forgotten: str) -> None:
    """Whichever of the six is left out, a check says which file lacks what."""
    add(copy.folder, [place for place in PLACES if place != forgotten])
    check, words = NAMED[forgotten]

    code, said = _said(copy, check)

    assert code != 0
    assert words in said


@pytest.mark.full
def test_a_forgotten_component_is_named(copy: Checkout) -> None:
    """A blueprint that is registered, and in no component of the status page, is named with the file."""
    add(copy.folder)
    domain = copy.folder / "rental_backend" / "catalog" / "domain.py"
    domain.write_text(domain.read_text().replace(', "vehicles"}', "}"))

    code, said = _said(copy, "rules of the house")

    assert code != 0
    assert "rental_backend/catalog/domain.py: the blueprint 'vehicles' is in no component" in said
