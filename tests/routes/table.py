"""The tables of permissions that are written by hand, and what the code declares, in the same form."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from flask import Flask

from rental_backend.guards import guard_of
from rental_backend.web.endpoint.capabilities import contracts

HERE = Path(__file__).parent
Line = tuple[str, ...]  # operation, field, and perhaps the value


def _lines(name: str) -> Iterator[tuple[str, Line]]:
    """Yield each operation of a table with the permission that it stands below, and what is written behind it."""
    permission = ""
    for line in (HERE / name).read_text("utf-8").splitlines():
        if line.startswith("    "):
            method, *rest = line.split()
            yield permission, (f"{method} {rest[0]}", *rest[1:])
        elif line and not line.startswith("#"):
            permission = line.partition(":")[0]


# D104: the table is an oracle of its own.
ROUTES: Mapping[str, str] = {line[0]: permission for permission, line in _lines("permissions.txt")}
# Operations open to everybody for what is their own: what those of others take.
OTHERS: Mapping[str, str] = {line[0]: line[1] for _, line in _lines("permissions.txt") if line[1:]}
FIELDS: Mapping[Line, str] = {line: permission for permission, line in _lines("fields.txt")}


def lines_of(name: str) -> list[Line]:
    """Return the lines of a table as often as they are there."""
    return [line for _, line in _lines(name)]


def declared_routes(app: Flask) -> dict[str, str]:
    """Return the permission that each operation of an application declares."""
    return {f"{method} {rule}": contract.permission for _, method, rule, contract in contracts(app)}


def declared_fields(app: Flask) -> dict[Line, str]:
    """Return the permission that each field with one of its own declares, for each of the values that take one."""
    found: dict[Line, str] = {}
    for _, method, rule, contract in contracts(app):
        for name, field in contract.accepts.load_fields.items() if contract.accepts else ():
            guard = guard_of(field)
            if guard is None:
                continue
            line = (f"{method} {rule}", name)
            if isinstance(guard.permission, str):
                found[line] = guard.permission
            else:
                found |= {(*line, str(value)): permission for value, permission in guard.permission.items()}
    return found
