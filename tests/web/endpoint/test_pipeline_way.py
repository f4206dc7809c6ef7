"""The way of a request: the steps it takes, in the order that README draws, and how few files it is led through."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

import rental_backend
from tests import factories

PACKAGE = Path(rental_backend.__file__).parent
ROOT = PACKAGE.parent
STEPS = ("web/endpoint/pipeline.py", "web/endpoint/degraded.py", "web/endpoint/replies.py")
MOST_FILES, MOST_MOVES = 24, 50  # of the POST of a customer: 43 and 131 before the steps stood in one file
CUSTOMERS = "/api/customers"
FORM = {"customer_type": "BUSINESS", "business_name": "Film & Co"}


@dataclass
class Way:
    """The functions of the package that were entered, in order: (file, name)."""

    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def files(self) -> set[str]:
        """The files that were entered."""
        return {file for file, _ in self.calls}

    @property
    def moves(self) -> int:
        """How often a function of another file was entered than the one before."""
        return 1 + sum(before != after for (before, _), (after, _) in pairwise(self.calls))

    @property
    def steps(self) -> list[str]:
        """The public functions of the steps, each where it was entered first."""
        public = (name for file, name in self.calls if file in STEPS and re.fullmatch(r"[a-z]\w*", name))
        return list(dict.fromkeys(public))


@contextmanager
def followed() -> Iterator[Way]:
    """Follow what this thread calls within the block."""
    way = Way()

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            way.calls.append((str(path.relative_to(PACKAGE)), frame.f_code.co_name))

    sys.setprofile(note)
    try:
        yield way
    finally:
        sys.setprofile(None)


@pytest.fixture
def client(build: Callable[..., Flask], session: Session) -> Iterator[FlaskClient]:
    """A superuser of an application as it runs in production, which is warm."""
    app = build(ENVIRONMENT="production")
    services = app.extensions["services"]
    services.start()
    assert services.wait_until_settled(10)
    user = factories.user(session, is_superuser=True)
    client = app.test_client()
    token = factories.token(session, services.identity.tokens, user, superuser=True)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for number in range(3):
        assert client.post(CUSTOMERS, json={**FORM, "customer_code": f"W-{number}"}).status_code == 201
        assert client.get(CUSTOMERS).status_code == 200
    yield client
    services.breakers["database"].reset(reason="the end", actor="a test")


def create(client: FlaskClient, number: int = 9) -> int:
    """Create one more customer; return the status. The body is made before, so that only the request is followed."""
    data = json.dumps({**FORM, "customer_code": f"W-{number}"})
    return client.post(CUSTOMERS, data=data, content_type="application/json").status_code


def drawn() -> dict[str, list[str]]:
    """Return the steps that README draws, by what becomes of the request."""
    text = (ROOT / "README.md").read_text().partition("<!-- request: -->")[2].partition("<!-- until here -->")[0]
    lines = (line.split(None, 1) for line in text.splitlines() if " > " in line)
    return {name: [step.strip() for step in steps.split(">")] for name, steps in lines}


def test_a_warm_post_is_led_through_few_files(client: FlaskClient) -> None:
    """Counted on one thread, functions of this package only; the shortest of three, for now and then a chore is due."""
    ways = []
    for number in range(9, 12):
        with followed() as way:
            assert create(client, number) == 201
        ways.append(way)
    way = min(ways, key=lambda each: each.moves)

    assert len(way.files) <= MOST_FILES
    assert way.moves <= MOST_MOVES


def test_requests_take_the_steps_that_readme_draws(client: FlaskClient) -> None:
    """A read and a change while all is well; the same read, and a change, while the database is away."""
    taken = {}
    with followed() as way:
        assert create(client) == 201
    taken["change"] = way.steps
    assert client.get(f"{CUSTOMERS}?limit=7").status_code == 200
    with followed() as way:
        assert client.get(f"{CUSTOMERS}?limit=7").status_code == 200
    taken["read"] = way.steps
    breaker = client.application.extensions["services"].breakers["database"]
    breaker.force_open(reason="to be stale", actor="a test")
    with followed() as way:
        assert client.get(f"{CUSTOMERS}?limit=7").headers["X-Degraded"] == "stale"
    taken["stale"] = way.steps
    with followed() as way:
        assert create(client) == 503
    taken["refused"] = way.steps

    assert taken == drawn()


def test_another_file_and_another_step_would_be_noticed() -> None:
    """The numbers and names are those of what was called."""
    way = Way([("a.py", "f"), ("a.py", "g"), ("b.py", "h"), ("a.py", "f"), (STEPS[0], "read"), (STEPS[0], "<lambda>")])

    assert (len(way.files), way.moves, way.steps) == (3, 4, ["read"])
