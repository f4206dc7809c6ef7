"""Categories from tables, which name the one above by its path."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Category
from tests.conftest import Caller

IMPORT = "/api/master-data/categories/import"
TABLE = "name,parent_path,description\nFilm,,All\nLenses,film,\nPrime,Film/LENSES,\nLenses,Film,\nOdd,Nowhere,\n"


def test_a_tree_is_imported_by_names(signed_in: Caller, session: Session) -> None:
    """A row may stand below one before it; a name that is taken and a path that is none are faults of their rows."""
    said = signed_in("MASTER_DATA_IMPORT").post(IMPORT, data=TABLE, content_type="text/csv").get_json()

    assert [(fault["row"], *fault["errors"]) for fault in said["errors"]] == [(5, "name"), (6, "parent_path")]
    paths = select(Category.category_path, Category.is_leaf).order_by(Category.category_path)
    assert [tuple(row) for row in session.execute(paths)] == [
        ("Film", False),
        ("Film/Lenses", False),
        ("Film/Lenses/Prime", True),
    ]
