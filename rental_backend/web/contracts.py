"""The declaration of an endpoint, and the one wrapper that enforces it.

A view is a sentence; its contract says who may call it, what it needs, takes and gives, and how it answers when a
dependency is away. The wrapper authenticates, reads, looks at the breakers, opens the one transaction of the request,
commits it once, and encodes.
"""

import functools
import inspect
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec

import orjson
from flask import Response, g, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ..errors import Unavailable
from ..infra.dependencies import AUTH, DATABASE, Dependencies
from ..infra.stale import Answer, StaleStore
from ..models import Identified
from ..resilience import budget, limit
from . import context, projection
from .bodies import read_body, read_query
from .context import settings
from .needs import PUBLIC, Needs
from .principal import Principal, authenticate

P = ParamSpec("P")
READS = ("GET", "HEAD")
FIRST_LOOK = 0.5
WARNING = '110 rental_backend "Response is stale"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a view declares. `per_caller`: its answers differ between callers of the same permissions."""

    needs: Needs
    permission: str
    accepts: Schema | None = None
    query: Schema | None = None
    returns: Schema | None = None
    status: int = 200
    per_caller: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An encoded answer."""

    body: bytes
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return it as Flask's response."""
        return Response(self.body, self.status, self.headers, content_type="application/json" if self.body else None)


View = Callable[..., Any]


def endpoint(
    *,
    needs: Needs,
    permission: str,
    accepts: Schema | None = None,
    query: Schema | None = None,
    returns: Schema | None = None,
    status: int = 200,
    per_caller: bool = False,
) -> Callable[[View], View]:
    """Declare a view's contract. The view gets `session` and `principal` if it names them,
    path and payload by keyword."""
    contract = Contract(
        needs=needs,
        permission=permission,
        accepts=accepts,
        query=query,
        returns=returns,
        status=status,
        per_caller=per_caller,
    )

    def declare(view: View) -> View:
        names = frozenset(inspect.signature(view).parameters)

        @functools.wraps(view)
        def enforced(**path: Any) -> Response:
            with budget(settings().request_budget):
                return _answer(contract, view, names, path)

        enforced.contract = contract  # type: ignore[attr-defined]
        return enforced

    return declare


def contract_of(view: object) -> Contract | None:
    """Return what a view function declares, or None if it declares nothing."""
    return getattr(view, "contract", None)


def _answer(contract: Contract, view: View, names: frozenset[str], path: dict[str, Any]) -> Response:
    """Authenticate, read, run; fall back on the last good answer if the contract allows it."""
    dependencies = context.dependencies()
    if contract.needs.required and not dependencies.settled:
        dependencies.wait_until_settled(limit(FIRST_LOOK))  # a new worker refuses nobody before it has looked
    caller = _caller(contract, dependencies)
    payload = read_query(request, contract.query) if contract.query else {}
    payload |= read_body(request, contract.accepts) if contract.accepts else {}
    offered = {"principal": caller, **path, **payload}
    arguments = {name: value for name, value in offered.items() if name != "principal" or name in names}
    degraded = ["offline"] if caller and caller.offline else []
    if not all(dependencies.breakers[name].closed for name in contract.needs.optional):
        degraded.append("partial")
    if not contract.needs.stale_for or request.method not in READS:
        return _mark(_run(contract, view, names, arguments, dependencies).response(), degraded)
    key = _key(contract, caller, path, payload)
    try:
        reply = _run(contract, view, names, arguments, dependencies)
    except Unavailable:
        found = dependencies.stale.find(key, within=contract.needs.stale_for)
        if found is None:
            raise
        return _mark(_replayed(found), [*degraded, "stale"])
    dependencies.stale.remember(key, Answer.now(reply.body, reply.headers))
    return _mark(reply.response(), degraded)


def _caller(contract: Contract, dependencies: Dependencies) -> Principal | None:
    """Return who is calling, or None where nobody needs to say. Refuses if a fresh look is needed and impossible."""
    if contract.permission == PUBLIC:
        return None
    caller = authenticate(request, dependencies.identity, contract.permission)
    g.username = caller.username
    if caller.offline and not contract.needs.offline:
        raise Unavailable(AUTH, dependencies.breakers[AUTH].retry_after)
    return caller


def _run(
    contract: Contract, view: View, names: frozenset[str], arguments: dict[str, Any], dependencies: Dependencies
) -> Reply:
    """Run the view in its transaction and encode what it returns, while the session is still open."""
    if "session" not in names:
        return _encode(contract, view(**arguments), None)
    with _session(contract.needs, dependencies) as session:
        return _encode(contract, view(session=session, **arguments), session)


def _session(needs: Needs, dependencies: Dependencies) -> AbstractContextManager[Session]:
    """Return the unit of work: queries only for a read, one transaction for anything else."""
    door = dependencies.database if DATABASE in needs.required else dependencies.identity.database
    return door.reading() if request.method in READS else door.transaction()


def _encode(contract: Contract, value: Any, session: Session | None) -> Reply:
    """Turn what a view returns into bytes: a row, a page, an encoded object, a mapping, or nothing."""
    if value is None:
        return Reply(b"", 204)
    if isinstance(value, projection.Page):
        return Reply(value.body, contract.status, {"X-Total-Count": str(value.total)})
    if isinstance(value, bytes):
        return Reply(value, contract.status)
    if isinstance(value, Identified) and session is not None and contract.returns is not None:
        session.flush()
        body = projection.one(session, type(contract.returns), type(value), value.id)
        return Reply(body, contract.status, _location(contract, value.id))
    return Reply(orjson.dumps(contract.returns.dump(value) if contract.returns else value), contract.status)


def _location(contract: Contract, id: uuid.UUID) -> dict[str, str]:
    return {"Location": f"{request.path.rstrip('/')}/{id}"} if contract.status == 201 else {}


def _key(contract: Contract, caller: Principal | None, path: dict[str, Any], payload: dict[str, Any]) -> str:
    """Return the key of this answer: the endpoint, its arguments, and the permission scope it is made for."""
    scope = PUBLIC if caller is None else str(caller.id) if contract.per_caller else caller.scope
    return StaleStore.key(request.endpoint or "", repr(sorted(path.items())), repr(sorted(payload.items())), scope)


def _replayed(answer: Answer) -> Response:
    """Return a last good answer, marked with its age in seconds."""
    headers = {**answer.headers, "Age": str(int(answer.age)), "Warning": WARNING}
    return replace(Reply(answer.body, 200), headers=headers).response()


def _mark(response: Response, degraded: list[str]) -> Response:
    """Say on the answer itself how it is degraded, if it is."""
    if degraded:
        response.headers["X-Degraded"] = ", ".join(degraded)
        g.degraded = degraded
    return response
