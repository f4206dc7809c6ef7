"""What works now: computed from the breakers and the contracts at the moment of asking, so it is always true."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flask import Flask

from .contracts import Contract, contract_of

WORST_FIRST = ("refuse", "stale", "offline", "partial", "full")


def contracts(app: Flask) -> Iterator[tuple[str, str, str, Contract]]:
    """Yield (blueprint, method, rule, contract) of every operation."""
    for rule in app.url_map.iter_rules():
        contract = contract_of(app.view_functions[rule.endpoint])
        if contract is None:  # create_app refuses such a view
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint.rpartition(".")[0], method, rule.rule, contract


def features(app: Flask, down: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Return for each blueprint its status, and how many operations are answered in which way."""
    answers: dict[str, Counter[str]] = {}
    for blueprint, _, _, contract in contracts(app):
        answers.setdefault(blueprint, Counter())[contract.needs.answer(down)] += 1
    return {name: {"status": _status(found), "answers": dict(found)} for name, found in sorted(answers.items())}


def _status(answers: Counter[str]) -> str:
    if set(answers) <= {"full", "partial"}:
        return "available"
    return "unavailable" if set(answers) == {"refuse"} else "degraded"
