"""A developer's way to the next revision: change a model, let Alembic write it, apply it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.schema.catalogue import catalogue, differences
from tests.schema.conftest import Make
from tests.schema.databases import ROOT, alembic, connected

CHANGES = """
    ALTER TABLE items DROP CONSTRAINT items_brand_id_fkey;
    ALTER TABLE customers ALTER phone TYPE varchar(10), ALTER created_at DROP DEFAULT, ALTER status DROP NOT NULL;
    ALTER TABLE user_profiles DROP CONSTRAINT user_profiles_user_id_key;
    DROP INDEX idx_customer_city"""


@pytest.mark.full
def test_a_revision_is_written_for_what_the_models_have_more(make: Make, new: str, tmp_path: Path) -> None:
    """With only DATABASE_URL set, Alembic writes a revision by whose application the database is that of the models."""
    url = make(like=new)
    for part in ("alembic.ini", "migrations", "rental_backend"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)

    def run(*arguments: str) -> str:
        command, environ = [sys.executable, "-m", "alembic", *arguments], {"DATABASE_URL": url}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True).stdout

    with connected(url) as connection:
        wanted = catalogue(connection)
        connection.exec_driver_sql(CHANGES)

        run("revision", "--autogenerate", "--rev-id", "999912310000", "-m", "mend")
        alembic(url, "upgrade", "head", root=tmp_path)

        assert differences(wanted, catalogue(connection)) == []
    assert run("current") == "999912310000 (head)\n"
