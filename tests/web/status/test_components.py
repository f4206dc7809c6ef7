"""What customers know: every operation has its place, and its state follows the breakers and the operators."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from rental_backend.app import COMPONENTS
from rental_backend.infra import AUTH, DATABASE, REDIS
from rental_backend.infra.container import Services
from rental_backend.infra.runtime.modes import Mode
from rental_backend.infra.status_history import ComponentStatus
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.status.components import UNTOLD, ComponentWatch, level_of

WELL, CARE, SLOW = ComponentStatus.OPERATIONAL, ComponentStatus.UNDER_MAINTENANCE, ComponentStatus.DEGRADED
PART, DEAD = ComponentStatus.PARTIAL, ComponentStatus.MAJOR
SERVED = ("catalogue", "sign-in", "customers", "stock", "reports", "administration")


def _all_there(build: Callable[..., Flask]) -> tuple[Flask, Services]:
    """Return an application whose probes do not run, and its doors, of which all are open."""
    app = build()
    services: Services = app.extensions["services"]
    for breaker in services.breakers.values():
        breaker.close()
    return app, services


def _levels(app: Flask) -> tuple[ComponentStatus, ...]:
    watch: ComponentWatch = app.extensions["watch"]
    found = watch.levels()
    return tuple(found[each] for each in SERVED)


def test_every_blueprint_is_told_or_is_none_of_the_customers_business(app: Flask) -> None:
    """A new blueprint is given a place: in a component, or among those that are not told."""
    served = {blueprint for blueprint, *_ in contracts(app)}
    told = frozenset().union(*(each.blueprints for each in COMPONENTS))

    assert served - told - UNTOLD == set()
    assert told & UNTOLD == set()


@pytest.mark.parametrize(
    ("away", "levels"),
    [
        ((), (WELL,) * 6),
        ((REDIS,), (WELL,) * 6),
        ((AUTH,), (WELL, PART, WELL, WELL, WELL, PART)),
        ((DATABASE, AUTH), (SLOW, PART, PART, DEAD, SLOW, PART)),
        ((DATABASE, REDIS, AUTH), (SLOW, PART, PART, DEAD, SLOW, PART)),
    ],
)
def test_components_follow_the_breakers(
    build: Callable[..., Flask], away: tuple[str, ...], levels: tuple[ComponentStatus, ...]
) -> None:
    """Without the database the catalogue answers from memory and nothing can be changed; without Redis all works."""
    app, services = _all_there(build)
    for name in away:
        services.breakers[name].open()

    assert _levels(app) == levels


def test_orders_are_maintenance_and_hide_no_outage(build: Callable[..., Flask]) -> None:
    """A breaker forced open and a mode are maintenance of what they stop; what fails besides is still told."""
    app, services = _all_there(build)
    services.breakers[DATABASE].force_open(reason="a test", actor="ada")
    assert _levels(app) == (CARE, WELL, CARE, CARE, CARE, CARE)
    services.breakers[AUTH].open()
    assert _levels(app) == (CARE, PART, CARE, CARE, CARE, PART)
    services.breakers[AUTH].close()
    services.breakers[DATABASE].reset(reason="a test", actor="ada")
    services.breakers[DATABASE].close()

    services.modes.set(Mode.READ_ONLY, reason="a test", actor="ada")

    assert _levels(app) == (WELL, CARE, CARE, CARE, WELL, CARE)


def test_nothing_is_recorded_before_each_dependency_was_looked_at(build: Callable[..., Flask], tmp_path: Path) -> None:
    """A service that has just started knows nothing yet, and says neither up nor down in its history."""
    app = build(JOURNAL_FOLDER=str(tmp_path))
    watch: ComponentWatch = app.extensions["watch"]
    services: Services = app.extensions["services"]

    assert watch.levels() == {}
    services.status_history.observe()
    assert services.status_history.state.levels == {}


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        (["full", "partial", "offline", "replica"], WELL),
        (["full", "stale"], SLOW),
        (["stale", "refuse"], PART),
        (["refuse", "refuse"], DEAD),
    ],
)
def test_what_answers_mean_to_customers(answers: list[str], level: ComponentStatus) -> None:
    """Answers from memory are slow at worst, some refusals a partial outage, nothing but refusals a major one."""
    assert level_of(answers) is level
