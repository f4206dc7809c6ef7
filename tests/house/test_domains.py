"""Nothing that belongs to a domain is forgotten, and nothing below knows of one; each rule with a proof."""

import shutil
from pathlib import Path

from flask import Blueprint, Flask

from rental_backend.app import COMPONENTS, DOMAINS, create_app
from rental_backend.config import Config
from rental_backend.web.domain import Domain
from rental_backend.web.endpoint.needs import NOTHING
from rental_backend.web.endpoint.pipeline import endpoint
from tests.house.domains import declared, domains, named, unregistered, unseeded, untabled, untold

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rental_backend"


def _app(folder: Path) -> Flask:
    """Return an application that is never started: it connects to nothing."""
    folders = {"JOURNAL_FOLDER": str(folder), "BACKUP_FOLDER": str(folder)}
    return create_app(Config.from_environ({"ENVIRONMENT": "test", "SECRET_KEY": "k" * 40, **folders}))


def test_every_domain_hands_over_all_its_blueprints() -> None:
    """Each blueprint of an `api.py` is among those of its domain, and each domain is one of `app.py`."""
    assert len(domains(PACKAGE)) > 10
    found = list(unregistered(PACKAGE, DOMAINS))
    assert not found, "\n".join(found)


def test_a_forgotten_registration_would_be_named(tmp_path: Path) -> None:
    """The file that lacks it is said: `app.py` for a domain, `domain.py` for itself."""
    copy = shutil.copytree(PACKAGE, tmp_path / "rental_backend")
    (copy / "fleet" / "boats").mkdir(parents=True)
    (copy / "fleet" / "boats" / "api.py").touch()

    assert list(unregistered(copy, DOMAINS[1:])) == [
        "rental_backend/app.py: DOMAINS lacks that of accounts",
        "rental_backend/fleet/domain.py is missing: it says which blueprints app.py registers",
    ]


def test_every_blueprint_of_a_domain_is_in_a_component() -> None:
    """What customers use has a place on the status page; one that had none would be named."""
    stray = Domain(blueprints=(Blueprint("boats", __name__),))

    found = list(untold(declared(PACKAGE), COMPONENTS))
    assert not found, "\n".join(found)
    assert list(untold({"catalog": stray}, COMPONENTS)) == [
        "rental_backend/catalog/domain.py: the blueprint 'boats' is in no component"
    ]


def test_every_permission_that_is_wanted_can_be_given(tmp_path: Path) -> None:
    """Each permission of a contract is declared, so that it is seeded; one that is not would be named."""
    app = _app(tmp_path)
    found = list(unseeded(app))
    assert not found, "\n".join(found)

    @endpoint(needs=NOTHING, permission="BOAT_VIEW")
    def stray() -> dict[str, bool]:
        """Want what nobody has."""
        return {}

    app.add_url_rule("/boats", view_func=stray)

    assert list(unseeded(app)) == ["rental_backend/accounts/access/permissions.py: lacks BOAT_VIEW, which /boats wants"]


def test_every_domain_with_tables_is_in_tables(tmp_path: Path) -> None:
    """The tables of each domain are known to Alembic; a domain that was left out would be named."""
    copy = shutil.copytree(PACKAGE, tmp_path / "rental_backend")
    (copy / "fleet").mkdir()
    (copy / "fleet" / "models.py").touch()

    found = list(untabled(PACKAGE))
    assert not found, "\n".join(found)
    assert list(untabled(copy)) == ["rental_backend/tables.py: lacks `from .fleet import models as fleet`"]


def test_nothing_below_the_domains_names_one(tmp_path: Path) -> None:
    """No string in `web` or `resilience` contains the name of a domain; one that did would be found."""
    for folder in ("web", "resilience"):
        found = list(named(PACKAGE / folder, domains(PACKAGE)))
        assert not found, "\n".join(found)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "bad.py").write_text('"""Of sales."""\n\nX = "SALES"\nY = "/api/sales/", f"Bookings {X}"\n')

    assert list(named(tmp_path / "web", domains(PACKAGE))) == [
        "web/bad.py:4: names sales",
        "web/bad.py:4: names bookings",
    ]
