"""Which names files and folders bear, each with what stands there: a stranger finds a thing by its name alone."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

# The files of a domain and of its resources. The guide in `.github/` quotes these sentences.
FILES = {
    "domain": "What the domain hands the application: blueprints, components of the status page, aliases of paths.",
    "models": "The tables of the domain, or a folder with a file for each aggregate.",
    "needs": "What operations need and permit, and how they are answered in an outage, where several resources agree.",
    "api": "The blueprint of a resource: declarations, and views that are sentences.",
    "schemas": "The forms that are read and answered; in the domain itself, forms that its resources share.",
    "service": "The rules of a resource; they know no request and no form.",
    "lists": "What is listed: in which order, and by what it is searched and filtered.",
    "filters": "Conditions of a list that take more than a column.",
    "columns": "What a row is shown with that is computed from other tables.",
    "read_models": "Rows that are only read, made of several tables.",
    "permissions": "What can be permitted, and which roles have it.",
    "seed": "The rows that every database begins with.",
    "defaults": "The values that settings begin with.",
    "codes": "How codes that people read are made.",
    "skus": "How the codes of items are made.",
    "tree": "How rows that stand under each other are answered as a tree.",
    "statistics": "Figures counted over many rows.",
    "retention": "What is deleted when it is old enough.",
}
SHARE = 0.9  # of a domain's files that bear one of these names

# Folders of tests that are about a property of the whole; every other one is named like what it tests.
PROPERTIES = {
    "browsing": "What people see in a browser.",
    "contract": "Recorded calls of the frontend, and what they are answered.",
    "deploy": "The commands of `deploy/`, run as people run them.",
    "faults": "What load and faults at once do to the running service.",
    "house": "The rules of the house.",
    "leaks": "What a fault in any layer tells of what it was about.",
    "migrations": "What happens to a database under load while it is migrated.",
    "monitoring": "Metrics, alerts and dashboard.",
    "mutation": "Whether the tests notice faults.",
    "operating": "What operators see and do.",
    "outages": "Every operation in every state of every dependency.",
    "platform": "The service on a host that starts, drains and replaces it.",
    "poolers": "What a pooler on the way to the database changes.",
    "routes": "What holds for every route.",
    "schema": "Tables, constraints and indexes, compared with those of production.",
    "seeding": "Reference data and the made-up shop.",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base", "dao", "stuff", "tools"}


def _sources(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]


def named_otherwise(package: Path, domains: Iterable[str]) -> tuple[list[str], int]:
    """Return the files of domains that bear none of the usual names, and how many files there are."""
    files = [(path, path.relative_to(package / domain)) for domain in domains for path in _sources(package / domain)]
    others = [path for path, inner in files if inner.parts[0] != "models" and path.stem not in FILES]
    return [str(path.relative_to(package.parent)) for path in others], len(files)


def vague(folder: Path) -> Iterator[str]:
    """Name the modules and packages whose names say nothing."""
    for path in sorted(folder.rglob("*.py")):
        place = path.parent if path.name == "__init__.py" else path
        if place.stem in VAGUE:
            yield f"{place.relative_to(folder.parent)}: a name that says nothing"


def unmarked(folder: Path) -> Iterator[str]:
    """Name the folders with modules that are no packages: nobody checks their imports."""
    for inner in sorted({path.parent for path in folder.rglob("*.py")}):
        if not (inner / "__init__.py").exists():
            yield f"{inner.relative_to(folder.parent)}/__init__.py is missing: it says what is in the folder"


def stray(root: Path) -> Iterator[str]:
    """Name the tests that do not stand where what they test would be looked for, and those that test nothing."""
    for path in sorted((root / "tests").rglob("test_*.py")):
        name, inner = path.relative_to(root), path.parent.relative_to(root / "tests")
        if not any(_is_test(node) for node in ast.walk(ast.parse(path.read_text()))):
            yield f"{name}: holds no test"
        if inner.parts and inner.parts[0] in PROPERTIES:
            continue
        mirrored = root / "rental_backend" / inner
        if not mirrored.is_dir():
            yield f"{name}: neither is there rental_backend/{inner}, nor is it a property"
            continue
        places = (mirrored, path.parent) if inner.parts else (mirrored, path.parent, root)  # wsgi.py, tests/scanner.py
        known = {each.stem for place in places for each in place.iterdir() if not each.name.startswith(("_", "test_"))}
        tested = path.stem.removeprefix("test_")
        if not any(tested == each or tested.startswith(f"{each}_") for each in known):
            yield f"{name}: there is no {tested} in rental_backend/{inner}"


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
