"""CORS and the smoke test against the application itself, over HTTP."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from deploy.railway import cors, database
from deploy.railway import smoke as smoking
from deploy.railway.cli import main
from deploy.railway.clock import Clock
from deploy.railway.exits import NeedsHuman
from deploy.railway.probe import Probe
from deploy.railway.report import Report
from deploy.railway.resources import RESOURCES, Resource
from deploy.railway.revisions import Repository, refuse_contract_between
from rental_backend.catalog.models import Category
from rental_backend.models import Model
from rental_backend.tables import metadata
from tests import factories
from tests.serving import serving

from .history import History
from .routing import routing

ORIGIN = "https://www.omomrentals.shop"
MIGRATIONS = Path(__file__).parents[3] / "migrations"
USER = {"SMOKE_USERNAME": "smoker", "SMOKE_PASSWORD": factories.PASSWORD}


@pytest.fixture(scope="module")
def address(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where gunicorn serves the application."""
    with serving({**settings, "WEB_CONCURRENCY": "1"}, tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server.url


def run(*arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
    """Run the tool without the platform."""
    output = io.StringIO()
    code = main([*arguments, "--json"], environ=environ, output=output, errors=io.StringIO())
    assert factories.PASSWORD not in output.getvalue()
    return code, json.loads(output.getvalue())


def in_use(session: Session) -> dict[str, int]:
    """How many rows each table of business holds that are not retired."""
    models = [each for each in Model.registry.mappers if ".accounts." not in each.class_.__module__]
    tables = [each.local_table for each in models if "is_active" in each.local_table.c]
    tables.remove(metadata.tables["sku_sequences"])  # counters of what is retired serve nobody
    assert len(tables) > len(RESOURCES)
    counts = {
        each.name: session.scalar(select(func.count()).select_from(each).where(each.c.is_active)) for each in tables
    }
    return {name: count for name, count in counts.items() if count}


def test_the_shop_may_call_and_nobody_else(address: str) -> None:
    """Preflights, answers and errors are as a browser needs them."""
    code, told = run("cors", "--base", address, "--origin", ORIGIN)

    assert (code, told["failed"]) == (0, []), told["findings"]
    assert {finding["code"] for finding in told["findings"]} == {"cors-preflight", "cors-errors", "cors-strangers"}


def test_an_origin_that_is_not_allowed_is_told(address: str) -> None:
    """With what to do about it."""
    code, told = run("cors", "--base", address, "--origin", "https://new.example")

    assert (code, told["failed"]) == (1, ["cors-origin", "cors-errors"])


def test_an_address_where_nobody_answers_is_no_cors_error() -> None:
    """A browser would call it one."""
    _, told = run("cors", "--base", "http://127.0.0.1:9", "--origin", ORIGIN)

    assert told["failed"] == ["down-not-cors"]


def test_every_resource_is_made_and_retired_without_a_trace(address: str, session: Session) -> None:
    """Each is created, listed, read, changed and retired; nobody meets it, and the session is ended."""
    factories.user(session, username="smoker", password=factories.shipped(), is_superuser=True)

    code, told = run("smoke", "--base", address, **USER)

    assert code == 0, told["findings"]
    for name in ("smoke", "smoke-trace", "smoke-sweep"):
        assert [each["code"] for each in told["findings"]].count(name) == len(RESOURCES)
    assert in_use(session) == {}


def test_what_a_run_before_left_is_swept_away(address: str, session: Session) -> None:
    """A run that was killed leaves its mark, and the next one retires it; others' rows stay."""
    factories.user(session, username="smoker", password=factories.shipped(), is_superuser=True)
    factories.customer(session, customer_code="SMOKE-DEAD")
    factories.customer(session, customer_code="KEPT")
    above, path = None, ""
    for level, letter in enumerate("ABC", 1):  # listed in this order, and to be retired in the other
        path = f"{path}/SMOKE-{letter}".strip("/")
        place = {"category_code": letter, "category_path": path, "category_level": level}
        above = Category(name=f"SMOKE-{letter}", parent_category_id=above and above.id, **place)
        session.add(above)
        session.flush()
    session.commit()

    code, told = run("smoke", "--base", address, **USER)

    assert code == 0
    assert {"1 left", "3 left"} == set(re.findall(r"\d left", str(told["findings"])))
    assert in_use(session) == {"customers": 1}


def test_a_right_that_is_missing_fails_and_still_leaves_no_trace(address: str, session: Session) -> None:
    """What was created is retired, also when changing it failed."""
    rights = ("CUSTOMER_VIEW", "CUSTOMER_CREATE", "CUSTOMER_DELETE")
    factories.user(session, username="smoker", password=factories.shipped(), permissions=rights)

    code, told = run("smoke", "--base", address, **USER)

    assert code == 1
    customers = [each for each in told["findings"] if each["message"].startswith("customers")]
    assert [(each["level"], each["code"]) for each in customers] == [
        ("PASS", "smoke-sweep"),
        ("FAIL", "smoke"),
        ("PASS", "smoke-trace"),
    ]
    assert in_use(session) == {}


@pytest.mark.parametrize("hidden", ["nowhere", "in the list", "by its id"])
def test_what_is_still_met_after_it_was_retired_is_told(
    address: str, session: Session, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    """A deletion that is answered well and does not all it should is found out, where it can be seen at all."""
    factories.user(session, username="smoker", password=factories.shipped(), is_superuser=True)
    send, listed, deleted = smoking.Run.send, smoking.Run.listed, set()

    def careless(run: smoking.Run, method: str, path: str, *rest: Any) -> Any:
        if method != "DELETE":
            return send(run, method, path, *rest)
        return deleted.add(path)

    def shown(run: smoking.Run, resource: Resource, text: str) -> list[str]:
        return [each for each in listed(run, resource, text) if f"{resource.path}/{each}" not in deleted]

    monkeypatch.setattr(smoking.Run, "send", careless)
    if hidden == "in the list":
        monkeypatch.setattr(smoking.Run, "listed", shown)
    if hidden == "by its id":
        monkeypatch.setattr(smoking.Run, "gone", lambda *_: True)

    code, told = run("smoke", "--base", address, **USER)

    assert (code, told["failed"]) == (1, ["smoke-trace"] * len(RESOURCES))


def test_a_wrong_password_is_no_verdict(address: str, session: Session) -> None:
    """The application may be well."""
    factories.user(session, username="smoker", password=factories.shipped())

    code, _ = run("smoke", "--base", address, SMOKE_USERNAME="smoker", SMOKE_PASSWORD="wrong password")

    assert code == 6
    assert run("smoke", "--base", address)[0] == 2


def test_the_idle_slot_is_gone_through_behind_the_router(
    address: str, session: Session, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The router passes on what a client sends and gets, whichever slot the client has named."""
    factories.user(session, username="smoker", password=factories.shipped(), is_superuser=True)
    key, port = "a-key-for-the-idle-slot", address.rpartition(":")[2]
    hosts = {"BLUE_HOST": "127.0.0.1", "BLUE_PORT": "9", "GREEN_HOST": "127.0.0.1", "GREEN_PORT": port}
    with routing({**hosts, "ACTIVE_SLOT": "blue", "SLOT_KEY": key}, tmp_path_factory.mktemp("router")) as url:
        idle = Probe(url, {"X-Slot": "green", "X-Slot-Key": key})

        found = smoking.smoke(idle, USER, RESOURCES, Report(Clock(), as_json=True, errors=io.StringIO()))
        browsers = cors.check(idle, [ORIGIN])

    assert [each for each in (*found, *browsers) if each.level != "PASS"] == []


def test_the_database_tells_its_revision_and_its_contract(postgres: PostgresServer) -> None:
    """Where it can be reached; the newest contract revision is that of its migrations."""
    head = (MIGRATIONS / "head").read_text().strip()

    seen = database.look({"DATABASE_URL": postgres.url})

    assert isinstance(seen, database.Database)
    assert (seen.revision, seen.limit > 0) == (head, True)
    (revision,) = MIGRATIONS.glob(f"versions/{seen.contract}_*.py")
    assert "contract = True" in revision.read_text()


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1:9/x", "postgresql://u:hun%ter2@[x/x", "nonsense"])
def test_a_database_that_cannot_be_asked_is_told_without_its_password(url: str) -> None:
    """libpq would repeat pieces of it."""
    said = database.look({"DATABASE_URL": url})

    assert isinstance(said, str)
    assert "hun" not in said


def test_the_database_counts_beside_the_history(postgres: PostgresServer, history: History) -> None:
    """What is noted in the database forbids a rollback, though no commit that we know of has that revision."""
    repository, commit = Repository(history.folder), history.expand

    refuse_contract_between(repository, commit, commit, {})
    with pytest.raises(NeedsHuman, match="took away"):
        refuse_contract_between(repository, commit, commit, {"DATABASE_URL": postgres.url})
