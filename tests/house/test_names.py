"""Files bear the names that they are looked for by, and tests mirror the sources; each rule with a proof."""

from pathlib import Path

import pytest

from tests.house.domains import domains
from tests.house.names import FILES, PROPERTIES, SHARE, VAGUE, named_otherwise, stray, unmarked, vague

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rental_backend"


def _write(folder: Path, *paths: str, text: str = "") -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_files_of_domains_bear_the_usual_names() -> None:
    """At least nine of ten files of the domains bear a name of the list, and every name of the list is used."""
    others, files = named_otherwise(PACKAGE, domains(PACKAGE))

    assert files > 100
    assert 1 - len(others) / files >= SHARE, others
    used = {path.stem for domain in domains(PACKAGE) for path in (PACKAGE / domain).rglob("*")}
    assert set(FILES) - used == set()


def test_an_unusual_name_would_be_counted(tmp_path: Path) -> None:
    """A file of any other name counts against the share; what is in `models/` does not, however it is called."""
    _write(tmp_path, "rental_backend/fleet/models/vehicles.py", "rental_backend/fleet/vehicles/api.py")
    _write(tmp_path, "rental_backend/fleet/vehicles/__init__.py", "rental_backend/fleet/vehicles/logic.py")

    assert named_otherwise(tmp_path / "rental_backend", ["fleet"]) == (["rental_backend/fleet/vehicles/logic.py"], 3)


@pytest.mark.parametrize("folder", ["rental_backend", "deploy", "migrations"])
def test_no_name_says_nothing(folder: str) -> None:
    """No module or package is called utils, helpers or the like, and every folder of modules is a package."""
    found = list(vague(ROOT / folder))
    if folder != "migrations":  # Alembic loads the files of `versions/` by their paths
        found += unmarked(ROOT / folder)

    assert not found, "\n".join(found)


def test_a_vague_name_and_a_folder_without_init_would_be_named(tmp_path: Path) -> None:
    """Modules and packages alike are named."""
    _write(tmp_path, "web/utils.py", "web/common/__init__.py", "web/__init__.py", "web/vehicles/api.py")

    assert list(vague(tmp_path / "web")) == [
        "web/common: a name that says nothing",
        "web/utils.py: a name that says nothing",
    ]
    assert list(unmarked(tmp_path / "web")) == [
        "web/vehicles/__init__.py is missing: it says what is in the folder",
    ]


def test_tests_stand_where_they_are_looked_for() -> None:
    """A folder of tests is one of the sources or of a property, a file is named like what it tests; none is empty."""
    found = list(stray(ROOT))
    assert not found, "\n".join(found)
    assert {path.name for path in (ROOT / "tests").iterdir()} >= set(PROPERTIES)


def test_a_stray_or_empty_test_would_be_named(tmp_path: Path) -> None:
    """A folder without sources, a file without its like and one without tests are named; parts of a subject are not."""
    _write(tmp_path, "rental_backend/parties/customers/api.py", "wsgi.py", "tests/scanner.py")
    right = ("tests/parties/customers/test_api_search.py", "tests/outages/test_all.py", "tests/test_wsgi.py")
    _write(tmp_path, *right, "tests/test_scanner.py", text="def test_it() -> None: ...")
    _write(tmp_path, "tests/parties/test_suppliers.py", "tests/fleet/test_api.py", text="def test_it() -> None: ...")
    _write(tmp_path, "tests/parties/customers/test_api.py", text="def no_test() -> None: ...")

    assert list(stray(tmp_path)) == [
        "tests/fleet/test_api.py: neither is there rental_backend/fleet, nor is it a property",
        "tests/parties/customers/test_api.py: holds no test",
        "tests/parties/test_suppliers.py: there is no suppliers in rental_backend/parties",
    ]


def test_no_usual_name_is_vague() -> None:
    """The lists do not contradict each other, and each name is explained in one sentence."""
    assert not set(FILES) & VAGUE
    for sentence in (*FILES.values(), *PROPERTIES.values()):
        assert sentence.endswith(".")
        assert ". " not in sentence


def test_the_guide_says_what_stands_where() -> None:
    """Each name stands with its sentence in the guide for the next engineer."""
    guide = (ROOT / ".github" / "CONTRIBUTING.md").read_text()

    assert [name for name, sentence in FILES.items() if f"| `{name}` | {sentence} |" not in guide] == []
