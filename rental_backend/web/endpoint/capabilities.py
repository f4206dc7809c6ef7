"""What works now: computed from the breakers and the contracts at the moment of asking, so it is always true."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException

from ...infra.container import Services
from .contracts import Contract, contract_of
from .needs import PUBLIC, Conditions, Degradation


def contracts(app: Flask) -> Iterator[tuple[str, str, str, Contract]]:
    """Yield (blueprint, method, rule, contract) of every operation."""
    for rule in app.url_map.iter_rules():
        contract = contract_of(app.view_functions[rule.endpoint])
        if contract is None:  # create_app refuses such a view
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint.rpartition(".")[0], method, rule.rule, contract


def answered_now(app: Flask, services: Services) -> Iterator[tuple[str, str, str, Contract, Degradation]]:
    """Yield (blueprint, method, rule, contract, degradation) of every operation, all as of one moment."""
    conditions = Conditions(services.down(), services.modes.current, replica=services.replica_serves)
    for part, method, rule, contract in contracts(app):
        yield part, method, rule, contract, contract.degradation(method, conditions)


def features(app: Flask, services: Services) -> dict[str, dict[str, Any]]:
    """Return for each blueprint its status, and how many operations are answered in which way."""
    return by_part((part, answer) for part, *_, answer in answered_now(app, services))


def by_part(answered: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Return the features from (blueprint, answer) of each operation."""
    answers: dict[str, Counter[str]] = {}
    for part, answer in answered:
        answers.setdefault(part, Counter())[answer] += 1
    return {name: {"status": _status(found), "answers": dict(found)} for name, found in sorted(answers.items())}


def _status(answers: Counter[str]) -> str:
    if set(answers) <= {"full", "partial"}:
        return "available"
    return "unavailable" if set(answers) == {"refuse"} else "degraded"


def access(app: Flask) -> dict[str, list[dict[str, str]]]:
    """Return all operations by who may call them: `public`, `protected`, and `admin` (what is of the system)."""
    found: dict[str, list[dict[str, str]]] = {"public": [], "protected": [], "admin": []}
    for _, method, rule, contract in contracts(app):
        told = {"method": method, "path": rule, "permission": contract.permission}
        system = contract.permission.startswith(("SYSTEM_", "BACKUP_"))
        found["public" if contract.permission == PUBLIC else "admin" if system else "protected"].append(told)
    return found


def matching(app: Flask, path: str) -> list[dict[str, str]]:
    """Return the method, path and permission of the operations that a path leads to."""
    adapter = app.url_map.bind("")
    found = []
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        try:
            rule, _ = adapter.match(path, method, return_rule=True)
        except HTTPException:
            continue
        contract = contract_of(app.view_functions[rule.endpoint])
        if contract:
            found.append({"method": method, "path": rule.rule, "permission": contract.permission})
    return found
