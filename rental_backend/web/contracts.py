"""The declaration of an endpoint, and the one wrapper that enforces it.

A view is a sentence; its contract says who may call it, what it needs, takes and gives, and how it answers when a
dependency is away. The wrapper authenticates, reads, looks at the breakers, opens the one transaction of the request,
commits it once, and encodes.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson
from flask import Response, g, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ..errors import Unavailable
from ..infra.database import Database
from ..infra.dependencies import AUTH, DATABASE
from ..infra.stale import Answer, StaleStore
from ..models import Identified
from ..resilience import budget, limit
from . import projection
from .bodies import read_body, read_query, read_rows
from .conditional import tag, unchanged
from .context import actor, dependencies, settings
from .denials import forbidden
from .listing import Page
from .needs import PUBLIC, Needs
from .principal import Principal, authenticate
from .streams import Stream

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

    body: bytes | Iterable[bytes]
    status: int
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return it as Flask's response; what the caller has already is not sent again."""
        if self.status == 200 and request.method in READS and unchanged(self.headers.get("ETag", "")):
            return Response(status=304, headers=self.headers)
        if isinstance(self.body, bytes):
            kind = "application/json" if self.body else None
            return Response(self.body, self.status, self.headers, content_type=kind)
        return Response(self.body, self.status, self.headers)


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
    """Declare a view's contract. A view that names them gets `session`, `principal` and `actor` beside its payload."""
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
        operation = Operation(contract, view, frozenset(inspect.signature(view).parameters))

        @functools.wraps(view)
        def enforced(**path: Any) -> Response:
            with budget(settings().request_budget):
                return operation.answer(path)

        enforced.contract = contract  # type: ignore[attr-defined]
        return enforced

    return declare


def contract_of(view: object) -> Contract | None:
    """Return what a view function declares, or None if it declares nothing."""
    return getattr(view, "contract", None)


@dataclass(frozen=True, slots=True)
class Operation:
    """A view under its contract, and the names of what the view takes."""

    contract: Contract
    view: View
    names: frozenset[str]

    def answer(self, path: dict[str, Any]) -> Response:
        """Authenticate, read, run; fall back on the last good answer if the contract allows it."""
        contract, doors = self.contract, dependencies()
        if contract.needs.required and not doors.settled:
            doors.wait_until_settled(limit(FIRST_LOOK))  # a new worker refuses nobody before it has looked
        caller = self._caller()
        degraded = ["offline"] if caller and caller.offline else []
        if contract.needs.optional:
            degraded += {"offline" if name == AUTH else "partial" for name in contract.needs.optional & doors.down()}
        arguments = {**path, **self._payload()}
        run = self._read if request.method in READS else self._run
        if not contract.needs.stale_for or request.method not in READS:
            return _mark(run(arguments, caller).response(), degraded)
        key = self._key(arguments, caller)
        try:
            reply = run(arguments, caller)
        except Unavailable:
            found = doors.stale.find(key, within=contract.needs.stale_for)
            if found is None:
                raise
            return _mark(_replayed(found), [*degraded, "stale"])
        if isinstance(reply.body, bytes):
            doors.stale.remember(key, Answer.now(reply.body, reply.headers))
        return _mark(reply.response(), degraded)

    def _caller(self) -> Principal | None:
        """Return who calls, or None where nobody needs to say. Refuses if a fresh look is needed and impossible."""
        if self.contract.permission == PUBLIC:
            return None
        identity, permission = dependencies().identity, self.contract.permission
        caller = authenticate(request, identity)
        g.username = caller.username
        if not caller.may(permission):
            raise forbidden(caller, permission)
        if caller.offline and not self.contract.needs.offline:
            raise Unavailable(AUTH, identity.breaker.retry_after)
        return caller

    def _payload(self) -> dict[str, Any]:
        """Read query and body as declared."""
        contract = self.contract
        payload = read_query(request, contract.query) if contract.query else {}
        if contract.accepts is None:
            return payload
        if contract.accepts.many:
            return {**payload, "rows": read_rows(request, contract.accepts)}
        return payload | read_body(request, contract.accepts)

    def _read(self, arguments: dict[str, Any], caller: Principal | None) -> Reply:
        """Run a read; once more if the database failed it quickly and the retry budget allows that."""
        try:
            return self._run(arguments, caller)
        except Unavailable as error:
            if type(error) is not Unavailable or "session" not in self.names or not self._door().may_retry():
                raise
        return self._run(arguments, caller)

    def _run(self, arguments: dict[str, Any], caller: Principal | None) -> Reply:
        """Run the view in its unit of work, and encode what it returns while that is still open."""
        if "principal" in self.names:
            arguments = {**arguments, "principal": caller}
        if "actor" in self.names:
            arguments = {**arguments, "actor": actor(caller)}
        if "session" not in self.names:
            return self._encode(self.view(**arguments), None)
        with self._session() as session:
            return self._encode(self.view(session=session, **arguments), session)

    def _door(self) -> Database:
        """Return the door that the view's session comes from."""
        doors = dependencies()
        return doors.database if DATABASE in self.contract.needs.required else doors.identity.database

    def _session(self) -> AbstractContextManager[Session]:
        """Return the unit of work: queries only for a read, one transaction for anything else."""
        return self._door().reading() if request.method in READS else self._door().transaction()

    def _encode(self, value: Any, session: Session | None) -> Reply:
        """Turn what a view returns into bytes: a row, a page, an encoded object, a mapping, or nothing."""
        status, returns = self.contract.status, self.contract.returns
        if value is None:
            return Reply(b"", 204)
        if isinstance(value, Page):
            return Reply(value.body, status, _totals(value))
        if isinstance(value, Stream):
            return Reply(value.chunks, status, value.headers)
        if isinstance(value, bytes):
            return Reply(value, status, {"ETag": tag(value)})
        if isinstance(value, Identified) and session is not None and returns is not None:
            session.flush()
            body = projection.one(session, type(returns), type(value), value.id)
            place = {"Location": f"{request.path.rstrip('/')}/{value.id}"} if status == 201 else {}
            return Reply(body, status, {**place, "ETag": tag(body)})
        return Reply(orjson.dumps(returns.dump(value) if returns else value, default=_number), status)

    def _key(self, arguments: dict[str, Any], caller: Principal | None) -> str:
        """Return the key of this answer: the endpoint, its arguments, and the permission scope it is made for."""
        scope = PUBLIC if caller is None else str(caller.id) if self.contract.per_caller else caller.scope
        return StaleStore.key(request.endpoint or "", repr(sorted(arguments.items())), scope)


def _replayed(answer: Answer) -> Response:
    """Return a last good answer, marked with its age in seconds."""
    headers = {**answer.headers, "Age": str(int(answer.age)), "Warning": WARNING}
    return replace(Reply(answer.body, 200), headers=headers).response()


def _number(value: Any) -> float:
    """Return an amount as a JSON number; anything else is no answer."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be answered.")


def _totals(page: Page) -> dict[str, str]:
    """Say how many rows there are, and whether that is only the least that there are."""
    if page.total is None:
        return {}
    return {"X-Total-Count": str(page.total), **({} if page.exact else {"X-Total-Count-Relation": "gte"})}


def _mark(response: Response, degraded: list[str]) -> Response:
    """Say on the answer itself how it is degraded, if it is; the view may have said so too."""
    degraded = list(dict.fromkeys([*degraded, *g.get("degraded", ())]))
    if degraded:
        response.headers["X-Degraded"] = ", ".join(degraded)
        g.degraded = degraded
    return response
