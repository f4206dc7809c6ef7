"""What ties a domain to the rest: where each of its parts must be named, and where none may be."""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from flask import Blueprint, Flask

from rental_backend.accounts.access.permissions import PERMISSIONS
from rental_backend.web.domain import Domain
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import PUBLIC, SIGNED_IN
from rental_backend.web.status.components import UNTOLD, Component

WORD = re.compile(r"[A-Za-z]+")
BELOW = {"infra", "resilience", "web"}  # not domains, though they have models or views


def domains(package: Path) -> list[str]:
    """Return the names of the domains: the packages with tables, with a resource, or with `domain.py`."""
    signs = ("models.py", "models/__init__.py", "*/api.py", "domain.py")
    found = {path.relative_to(package).parts[0] for sign in signs for path in package.glob(f"*/{sign}")}
    return sorted(found - BELOW)


def unregistered(package: Path, handed: Iterable[Domain]) -> Iterator[str]:
    """Say which domains hand the application nothing though they could, and which blueprints they do not hand over."""
    known = list(handed)
    for domain in domains(package):
        apis = sorted((package / domain).glob("*/api.py"))
        place = f"{package.name}/{domain}/domain.py"
        if not (package / domain / "domain.py").exists():
            if apis:
                yield f"{place} is missing: it says which blueprints app.py registers"
            continue
        declared = importlib.import_module(f"{package.name}.{domain}.domain").DOMAIN
        if declared not in known:
            yield f"{package.name}/app.py: DOMAINS lacks that of {domain}"
        for api in apis:
            module = importlib.import_module(f"{package.name}.{domain}.{api.parent.name}.api")
            for blueprint in (each for each in vars(module).values() if isinstance(each, Blueprint)):
                if blueprint not in declared.blueprints:
                    yield f"{place}: lacks the blueprint {blueprint.name!r} of {api.parent.name}/api.py"


def declared(package: Path) -> dict[str, Domain]:
    """Return what each domain of a package hands over, by its name."""
    names = [name for name in domains(package) if (package / name / "domain.py").exists()]
    return {name: importlib.import_module(f"{package.name}.{name}.domain").DOMAIN for name in names}


def untold(handed: Mapping[str, Domain], components: Iterable[Component]) -> Iterator[str]:
    """Say which blueprints of domains are in no component, so that the status page would not know of them."""
    told = UNTOLD.union(*(each.blueprints for each in components))
    for name, domain in handed.items():
        for blueprint in domain.blueprints:
            if blueprint.name not in told:
                yield f"rental_backend/{name}/domain.py: the blueprint {blueprint.name!r} is in no component"


def unseeded(app: Flask) -> Iterator[str]:
    """Say which permissions operations want that nobody can be given."""
    wanted = {each.permission: rule for _, _, rule, each in contracts(app)}
    for permission, rule in sorted((str(name), rule) for name, rule in wanted.items()):
        if permission not in {*PERMISSIONS, PUBLIC, SIGNED_IN}:
            yield f"rental_backend/accounts/access/permissions.py: lacks {permission}, which {rule} wants"


def untabled(package: Path) -> Iterator[str]:
    """Say which tables Alembic and the foreign keys of others would not know of."""
    text = (package / "tables.py").read_text()
    for domain in domains(package):
        holds = any((package / domain / name).exists() for name in ("models.py", "models/__init__.py"))
        if holds and f"from .{domain} import models" not in text:
            yield f"{package.name}/tables.py: lacks `from .{domain} import models as {domain}`"


def named(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Say which strings below a folder contain one of these names as a word; docstrings and CAPITALS do not count."""
    unwanted = set(names)
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        scopes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
        docstrings = {id(scope.body[0].value) for scope in scopes if scope.body and isinstance(scope.body[0], ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                words = {word.lower() for word in WORD.findall(node.value) if not word.isupper()}
                for word in sorted(words & unwanted):
                    yield f"{path.relative_to(folder.parent)}:{node.lineno}: names {word}"
