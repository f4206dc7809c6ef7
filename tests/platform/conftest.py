"""Services on a platform of their own, in front of the run's database and cache."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from deploy.private.servers import PostgresServer
from tests import factories
from tests.platform.edge import Edge
from tests.platform.platform import Service, Settings
from tests.platform.starting import Started

# What `deploy/railway.json` says, at a pace for tests: an edge needs 0.3 s to hear of a new deployment, and the
# starter goes on serving for 0.5 s.
PACE = replace(Settings.described(), check_timeout=60, overlap=0.8, draining=40)
DELAY = {"PRESTOP_DELAY": "0.5"}
MakeService = Callable[..., Service]


@pytest.fixture
def environ(settings: dict[str, str]) -> dict[str, str]:
    """The environment of a service; its deadlines and pools are the usual ones."""
    return {"PATH": "/usr/bin:/bin", "WEB_CONCURRENCY": "2", **settings, **DELAY}


@pytest.fixture
def make_service(environ: dict[str, str], tmp_path: Path) -> Iterator[MakeService]:
    """Make a service: `make_service("blue", WEB_THREADS="2")` has that variable, else it is as `PACE` says."""
    made: list[Service] = []

    def make(name: str, *, overlap: float = PACE.overlap, release: str = PACE.release, **variables: str) -> Service:
        folder = tmp_path / name
        folder.mkdir()
        made.append(Service({**environ, **variables}, replace(PACE, overlap=overlap, release=release), folder))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def router() -> Iterator[Edge]:
    """A stable entrance before services, switched between them."""
    edge = Edge(lag=0.3)
    yield edge
    edge.close()


@pytest.fixture
def token(session: Session, settings: dict[str, str]) -> str:
    """A superuser's access token, good for every deployment; there are customers to be listed."""
    for _ in range(10):
        factories.customer(session)
    return factories.superuser_token(session, settings["SECRET_KEY"])


@pytest.fixture
def start(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start `deploy.start` as a container would: `start(PRESTOP_DELAY="2")` has that setting and the usual ones."""
    started: list[Started] = []

    def start(*arguments: str, **more: str) -> Started:
        log = tmp_path / f"starter-{len(started)}.log"
        started.append(Started({**environ, **more}, log, arguments))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def empty_database(postgres: PostgresServer, engine: sqlalchemy.Engine) -> Iterator[str]:
    """The URL of a database without tables."""
    name = f"empty_{uuid.uuid4().hex}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield make_url(postgres.url).set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
