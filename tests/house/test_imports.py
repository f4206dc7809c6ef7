"""The import contracts hold by pattern: what breaks a rule is caught in modules that no contract names."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).parent / "lint-imports"
NEW = '"""New."""\n'
TYPES_ONLY = "\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    {}\n"

# What is written where, and what then must be said: the contract, and who broke it.
OFFENCES = {
    "flask in a new file of a domain": (
        *("rentals/extensions.py", "import flask"),
        *("only api, web, cli and app import flask BROKEN", "rentals.extensions -> flask"),
    ),
    "web in a new file of a domain": (
        *("rentals/extensions.py", "from ..web.endpoint.contracts import endpoint"),
        "in a domain only domain, api, lists, filters and needs import web BROKEN",
        "rentals.extensions -> rental_backend.web.endpoint.contracts",
    ),
    "flask beside an api": (
        *("catalog/categories/tree.py", "import flask"),
        *("only api, web, cli and app import flask BROKEN", "catalog.categories.tree -> flask"),
    ),
    "web in a new fourth name": (
        *("parties/customers/loyalty.py", "from ...web.query import projection"),
        "in a domain only domain, api, lists, filters and needs import web BROKEN",
        "parties.customers.loyalty -> rental_backend.web.query",
    ),
    "a new module at the top": (
        *("vehicles.py", ""),
        *("app over cli over domains over web over infra over resilience over errors BROKEN", "vehicles"),
    ),
    "a new room of web": (*("web/graphql.py", ""), *("the rooms of web BROKEN", "web.graphql")),
    "a new room of infra": (*("infra/kafka.py", ""), *("the rooms of infra BROKEN", "infra.kafka")),
    "schemas in a service": (
        *("parties/customers/service.py", "from .schemas import CustomerSchema"),
        "only schemas, api, lists, web and config know marshmallow and schemas BROKEN",
        "parties.customers.service -> rental_backend.parties.customers.schemas",
    ),
    "schemas of another domain in a new file": (
        *("rentals/extensions.py", "from ..parties.customers import schemas"),
        "only schemas, api, lists, web and config know marshmallow and schemas BROKEN",
        "rentals.extensions -> rental_backend.parties.customers.schemas",
    ),
    "marshmallow in a service": (
        *("settings/business/service.py", "import marshmallow"),
        "only schemas, api, lists, web and config know marshmallow and schemas BROKEN",
        "settings.business.service -> marshmallow",
    ),
    "psycopg in a domain": (
        *("catalog/items/skus.py", "import psycopg"),
        *("only the adapter of PostgreSQL and migrations import psycopg BROKEN", "catalog.items.skus -> psycopg"),
    ),
    "psycopg in infra": (
        *("infra/container.py", "from psycopg import errors"),
        *("only the adapter of PostgreSQL and migrations import psycopg BROKEN", "infra.container -> psycopg"),
    ),
    "alembic in a check": (
        *("doctor/host.py", "import alembic"),
        *("only migrations import alembic BROKEN", "doctor.host -> alembic"),
    ),
    "redis in web": (
        *("web/endpoint/etags.py", "import redis"),
        *("only the adapter of Redis imports redis BROKEN", "web.endpoint.etags -> redis"),
    ),
    "tokens in a service": (
        *("accounts/auth/sessions.py", "import jwt"),
        *("only identity imports jwt, argon2 and bcrypt BROKEN", "accounts.auth.sessions -> jwt"),
    ),
    "pybreaker in infra": (
        *("infra/rate_limits.py", "import pybreaker"),
        *("only resilience imports pybreaker BROKEN", "infra.rate_limits -> pybreaker"),
    ),
    "a domain in the one below": (
        *("catalog/usage.py", "from ..inventory import models"),
        "app over cli over domains over web over infra over resilience over errors BROKEN",
        "catalog.usage -> rental_backend.inventory.models",
    ),
    "an api in a service": (
        *("catalog/categories/service.py", "from . import api"),
        "in a domain: domain over api over lists over schemas over service over models BROKEN",
        "catalog.categories.service -> rental_backend.catalog.categories.api",
    ),
    "a circle of types": (
        *("resilience/call.py", TYPES_ONLY.format("from .breaker import Breaker")),
        *("no circles BROKEN", ".call -> .breaker"),
    ),
    "a type from above": (
        *("infra/redis/cache.py", TYPES_ONLY.format("from ..telemetry.worker_gauges import Gauges")),
        *("the rooms of infra BROKEN", "infra.redis.cache -> rental_backend.infra.telemetry.worker_gauges"),
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the sources with all offences in it; without them its contracts are kept."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "rental_backend", folder / "rental_backend", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", folder)
    code, kept = _lint(folder)
    assert code == 0, kept
    for path, line, *_ in OFFENCES.values():
        file = folder / "rental_backend" / path
        file.write_text(f"{file.read_text() if file.exists() else NEW}\n{line}\n")
    code, broken = _lint(folder)
    assert code != 0
    return broken


def _lint(folder: Path) -> tuple[int, str]:
    """Return the exit code of import-linter, and what it says."""
    done = subprocess.run([LINT], cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", OFFENCES)
def test_what_breaks_a_rule_is_named(said: str, name: str) -> None:
    """The contract that it breaks is named, and below its name stands who breaks it."""
    contract, who = OFFENCES[name][2:]
    titles = re.split(r"^(.+)\n-+$", said, flags=re.MULTILINE)[1:]
    sections = {title: " ".join(text.split()) for title, text in zip(titles[::2], titles[1::2], strict=True)}

    assert contract in said
    assert who in sections[contract.removesuffix(" BROKEN")]
