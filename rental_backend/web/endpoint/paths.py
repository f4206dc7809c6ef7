"""What is wrong with a path, judged after its caller: who is not known learns nothing, whatever they ask for."""

from typing import Any

from flask import Flask, Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ...errors import Invalid, Unauthenticated
from ...fields import clean
from ...infra.container import Services
from ...resilience import budget
from . import rate_limits
from .contracts import contract_of
from .needs import PUBLIC
from .principal import authenticate

GUARDED = "/api/"  # below which a path that is not there is like one that is


class NotAnId(str):
    """What stands in a path where an id should."""

    __slots__ = ()


def read_path(path: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a path, texts clean. Raises `Invalid` for one that should be an id and is none."""
    for value in path.values():
        if isinstance(value, NotAnId):
            raise Invalid({"id": ["Not a valid UUID."]})
    return {name: clean(value) if isinstance(value, str) else value for name, value in path.items()}


def require_known_caller(app: Flask, asked: Request, error: HTTPException) -> None:
    """Raise `Unauthenticated` for a caller who is not known and whose path or method is not there.

    A path on which something is public has its methods told to everybody.
    """
    if not asked.path.startswith(GUARDED) or _is_public(app, asked, error):
        return
    services: Services = app.extensions["services"]
    with budget(services.config.request_budget):
        try:
            authenticate(asked, services.identity)
        except Unauthenticated:
            rate_limits.count_stranger(app.extensions["limits"], services)
            raise


def _is_public(app: Flask, asked: Request, error: HTTPException) -> bool:
    """Tell whether another method of the path is for everybody."""
    if not isinstance(error, MethodNotAllowed) or not (routes := app.create_url_adapter(asked)):
        return False
    found = (routes.match(method=method)[0] for method in error.valid_methods or () if method != "OPTIONS")
    contracts = (contract_of(app.view_functions[endpoint]) for endpoint in found)
    return any(contract is not None and contract.permission == PUBLIC for contract in contracts)
