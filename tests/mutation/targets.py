"""Which tests may notice a fault in a file: those of its folder, then those of what imports it and of all routes."""

import re
from pathlib import Path

PACKAGE = "rental_backend"
# What walks over every route, every table or every row, whatever it is about; the quickest first.
CROSSING = (
    "contract",
    "schema",
    "routes",
    "web/openapi",
    "web/metrics",
    "seeding/test_routes.py",
    "outages/test_matrix.py",
)


def own(root: Path, path: str) -> list[str]:
    """Return the tests of a source: the file named after it, then its folder, or the next above that has tests."""
    source = Path(path).relative_to(PACKAGE)
    folder = root / "tests" / source.parent
    named = sorted(folder.glob(f"test_{source.stem}*.py"))
    while not folder.is_dir():
        folder = folder.parent
    above = folder == root / "tests"  # all tests there are; what is meant are the files that lie there
    return [_told(root, each) for each in (*named, *(sorted(folder.glob("test_*.py")) if above else [folder]))]


def others(root: Path, path: str) -> list[str]:
    """Return the tests that import the source or are of sources that do, of its domain, and that cross all domains."""
    module = ".".join(Path(path).with_suffix("").parts)
    parent, _, name = module.rpartition(".")
    imports = (f"from {module} import", f"import {module}", f"from {parent} import {name}")
    tests = sorted((root / "tests").rglob("test_*.py"))
    named = [_told(root, each) for each in tests if any(line in each.read_text() for line in imports)]
    of_users = [own(root, each)[-1] for each in _users(root, path)]
    domain = root / "tests" / Path(path).relative_to(PACKAGE).parts[0]
    crossing = [_told(root, each) for each in (domain, *(root / "tests" / each for each in CROSSING)) if each.exists()]
    return list(dict.fromkeys([*named, *of_users, *crossing]))


def _users(root: Path, path: str) -> list[str]:
    """Return the sources of other folders that import a source."""
    stem, folder = Path(path).stem, Path(path).parent
    said = re.compile(
        rf"\b{folder.name}\.{stem} import|^from [\w.]*\b{folder.name} import [^\n]*\b{stem}\b", re.MULTILINE
    )
    sources = (each for each in sorted((root / PACKAGE).rglob("*.py")) if said.search(each.read_text()))
    return [_told(root, each) for each in sources if each.parent != root / folder]


def _told(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
