"""The real revisions: their SQL is linted, their preflight can be asked, and parallel ones collide."""

import io
import itertools
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from rental_backend.infra.migration import CONFIG, Migrator, Server, examine
from tests.migrations.conftest import ROOT, Toys

BASELINE = "202508190531"
SQUAWK = Path(sys.executable).parent / "squawk"
SCRIPTS = ScriptDirectory.from_config(Config(CONFIG))
NEW = [script for script in SCRIPTS.walk_revisions() if script.revision != BASELINE][::-1]


def _sql(config: Path, script: Script) -> str:
    """Return what a revision would execute, as a database administrator would get it."""
    output = io.StringIO()
    command.upgrade(
        Config(config, output_buffer=output), f"{script.down_revision or 'base'}:{script.revision}", sql=True
    )
    return output.getvalue()


def _lint(sql: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "revision.sql"
    path.write_text(sql)
    return subprocess.run(
        [SQUAWK, "--config", ROOT / ".squawk.toml", "--reporter", "gcc", path],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("script", NEW, ids=[script.revision for script in NEW])
def test_a_revision_is_safe_for_an_open_shop(script: Script, tmp_path: Path) -> None:
    """The linter finds nothing that is not justified in place."""
    sql = _sql(CONFIG, script)

    done = _lint(sql, tmp_path)

    assert f"version_num='{script.revision}'" in sql
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE INDEX shelf_size ON shelf (size)", "require-concurrent-index-creation"),
        ("ALTER TABLE shelf ALTER size SET NOT NULL", "adding-not-nullable-field"),
        ("ALTER TABLE shelf ADD CONSTRAINT it CHECK (size > 0)", "constraint-missing-not-valid"),
        ("ALTER TABLE shelf DROP COLUMN size", "ban-drop-column"),
    ],
)
def test_a_dangerous_statement_would_be_found(toys: Toys, tmp_path: Path, statement: str, rule: str) -> None:
    """A revision that would lock the shop fails the linter, by name; the same change made safely passes."""
    toys.add("1")
    toys.add("2", statement)
    (script,) = ScriptDirectory.from_config(Config(toys.ini)).get_revisions("2")
    assert isinstance(script, Script)

    done = _lint(_sql(toys.ini, script), tmp_path)

    assert done.returncode == 1
    assert rule in done.stdout + done.stderr


def test_what_revisions_are_offered_passes_the_linter(toys: Toys, tmp_path: Path) -> None:
    """All of `safely`, printed as SQL, is free of findings, timeouts included."""
    toys.add("1")
    toys.add(
        "2",
        "safely.add_check('shelf', 'check_it', 'size > 0')",
        "safely.add_foreign_key('shelf', 'refer', ['box'], 'box', ['id'])",
        "safely.set_not_null('shelf', 'size')",
        "safely.add_unique('shelf', 'unique_size', ['size'])",
        "safely.add_index('fast', 'shelf', ['box'])",
        "safely.drop_index('slow')",
    )
    (script,) = ScriptDirectory.from_config(Config(toys.ini)).get_revisions("2")
    assert isinstance(script, Script)

    done = _lint(_sql(toys.ini, script), tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_head_file_names_the_newest_revision() -> None:
    """Two branches that each add a revision both change `migrations/head`, and so collide when they are merged."""
    named = (ROOT / "migrations" / "head").read_text()

    assert named == f"{SCRIPTS.get_current_head()}\n", "write the newest revision into migrations/head"


def test_revisions_are_ordered_by_their_names() -> None:
    """A revision's name is the minute it was made, later than the one before it."""
    names = [BASELINE, *(script.revision for script in NEW)]

    assert all(earlier < later for earlier, later in itertools.pairwise(names))


def test_every_preflight_can_be_asked_before_its_revision(toys: Toys) -> None:
    """A misspelt table or column would pass for one without bad rows: here it fails."""
    server = Server(toys.url)
    for script in NEW:
        if not (asked := getattr(script.module, "preflight", ())):
            continue
        Migrator(server, CONFIG, wait=10, say=toys.said.append).migrate(str(script.down_revision))
        with psycopg.connect(toys.url) as connection:
            for bad in asked:
                assert examine(connection, script.revision, bad).rows == 0
