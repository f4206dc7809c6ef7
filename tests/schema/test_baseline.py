"""The baseline is production, and a production stamped with it arrives where a new database does."""

import re
import time

from rental_backend.tables import metadata
from tests.schema.catalogue import catalogue, differences
from tests.schema.conftest import BASELINE, Contents, Make
from tests.schema.databases import alembic, columns, connected, contents

TABLES = 52
EXTENSIONS = ("btree_gist", "pg_trgm")
LONGEST_UPGRADE = 20.0
DESCRIBED_BY_MODELS = ("relation ", "column ", "constraint ", "index ", "enum ")

Catalogue = set[str]


def _catalogue(url: str) -> Catalogue:
    with connected(url) as connection:
        return catalogue(connection)


def _described(url: str) -> Catalogue:
    """Return what models can say of a database; the order of columns is not part of it."""
    lines = (line for line in _catalogue(url) if line.startswith(DESCRIBED_BY_MODELS))
    return {re.sub(r"^(column \w+) \d+", r"\1", line) for line in lines}


def test_the_baseline_is_production(make: Make) -> None:
    """The baseline in an empty database leaves exactly what production has, names and order of columns included."""
    production, baseline = make("production.sql"), make()

    alembic(baseline, "upgrade", BASELINE)

    assert len(columns(baseline)) == TABLES
    assert differences(_catalogue(production), _catalogue(baseline)) == []


def test_a_stamped_production_becomes_what_a_new_database_is(
    taken_over: tuple[str, Contents, Contents], new: str
) -> None:
    """Stamping production and upgrading it leads to the schema that upgrading an empty database leads to."""
    url, *_ = taken_over

    assert differences(_catalogue(url), _catalogue(new)) == []


def test_taking_production_over_loses_nothing(taken_over: tuple[str, Contents, Contents]) -> None:
    """Every table of production had rows, and each holds the same number with the same values afterwards."""
    _, before, after = taken_over

    assert len(before) == TABLES
    assert min(rows for rows, _ in before.values()) >= 1
    assert after == before


def test_a_changed_value_would_be_noticed(make: Make, filled: str) -> None:
    """The checksum above differs as soon as one value of one row does."""
    url = make(like=filled)
    known = columns(url)
    before = contents(url, known)

    with connected(url) as connection:
        connection.exec_driver_sql("UPDATE items SET rental_rate_per_period = 250.01 WHERE is_rentable")

    assert {table for table, held in contents(url, known).items() if held != before[table]} == {"items"}


def test_models_find_no_drift(taken_over: tuple[str, Contents, Contents], new: str) -> None:
    """Alembic finds nothing to do between the models and either database."""
    url, *_ = taken_over

    alembic(url, "check")
    alembic(new, "check")


def test_models_know_every_name(make: Make, new: str) -> None:
    """What the models would create is what migrations create, names included, so that both can be altered by name.

    Alembic's own check looks at neither checks nor the names of keys.
    """
    modelled = make()
    with connected(modelled) as connection:
        for extension in EXTENSIONS:
            connection.exec_driver_sql(f"CREATE EXTENSION {extension}")
        metadata.create_all(connection)

    assert differences(_described(new), _described(modelled)) == []


def test_up_down_and_up_again_lead_to_the_same_place(make: Make, new: str) -> None:
    """Every migration can be taken back, all of them leave nothing behind, and they can be made again."""
    url = make()
    untouched = _catalogue(url)

    alembic(url, "upgrade", "head")
    alembic(url, "downgrade", "base")
    assert differences(untouched, _catalogue(url)) == []

    alembic(url, "upgrade", "head")
    assert differences(_catalogue(new), _catalogue(url)) == []


def test_a_new_database_is_made_in_time(make: Make) -> None:
    """All migrations together take no longer than 20 s on an empty database."""
    url = make()
    began = time.perf_counter()

    alembic(url, "upgrade", "head")

    took = time.perf_counter() - began
    print(f"all migrations on an empty database: {took:.2f} s")
    assert took <= LONGEST_UPGRADE
