"""The declaration of an endpoint, and the one wrapper that enforces it.

A view is a sentence; its contract says who may call it, what it needs, takes and gives, and how it answers when a
dependency is away. The wrapper authenticates, reads, looks at the breakers, opens the one transaction of the request,
commits it once, and encodes.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Request, Response, g, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from ...errors import AppError, OutcomeUnknown, Unavailable
from ...infra import AUTH, DATABASE
from ...infra.container import Services
from ...infra.postgres.database import Database
from ...infra.runtime.modes import Mode
from ...infra.stale.store import StaleStore
from ...resilience import budget, limit
from . import degraded as stale_answers
from . import idempotency
from . import rate_limits as limits
from .context import actor, current_services, settings, warmer
from .encoding import encode
from .needs import PUBLIC, Needs
from .permission_denials import forbidden
from .principal import Principal
from .replies import JSON, READS, Reply
from .request_parsing import read_body, read_query, read_rows

FIRST_LOOK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a view declares.

    `per_caller`: its answers differ between callers of the same permissions. `changes`: whether a call changes
    anything (by default all but GET do). `modes`: those in which a change is taken. `warm`: queries whose answers are
    to be at hand when an outage begins, for everybody who may see them. `secret`: its answer is for the caller's eyes
    only, and never kept. `hashes`: it hashes a password, and is refused before its body is read if many do. `media`:
    the types of what it answers, where that is not JSON. `raises`: errors that do not follow from the rest.
    """

    needs: Needs
    permission: str
    accepts: Schema | None = None
    query: Schema | None = None
    returns: Schema | None = None
    status: int = 200
    per_caller: bool = False
    changes: bool | None = None
    modes: tuple[Mode, ...] = (Mode.NORMAL,)
    warm: tuple[Mapping[str, str], ...] = ()
    secret: bool = False
    hashes: bool = False
    media: tuple[str, ...] = (JSON,)
    raises: tuple[type[AppError], ...] = ()

    def refused_in(self, mode: Mode, method: str) -> bool:
        """Tell whether a call by that method is refused in a mode, whatever is there."""
        return mode not in self.modes and self.changes_by(method)

    def changes_by(self, method: str) -> bool:
        """Tell whether a call by that method changes anything."""
        return method not in READS if self.changes is None else self.changes


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
    changes: bool | None = None,
    modes: tuple[Mode, ...] = (Mode.NORMAL,),
    warm: tuple[Mapping[str, str], ...] = (),
    secret: bool = False,
    hashes: bool = False,
    media: tuple[str, ...] = (JSON,),
    raises: tuple[type[AppError], ...] = (),
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
        changes=changes,
        modes=modes,
        warm=warm,
        secret=secret,
        hashes=hashes,
        media=media,
        raises=raises,
    )

    return partial(_enforced, contract)


def _enforced(contract: Contract, view: View) -> View:
    """Return a view under its contract."""
    operation = Operation(contract, view, frozenset(inspect.signature(view).parameters))

    @functools.wraps(view)
    def enforced(**path: Any) -> Response:
        with budget(settings().request_budget):
            return operation.answer(path)

    enforced.contract = contract  # type: ignore[attr-defined]
    enforced.operation = operation  # type: ignore[attr-defined]
    return enforced


def contract_of(view: object) -> Contract | None:
    """Return what a view function declares, or None if it declares nothing."""
    return getattr(view, "contract", None)


def operation_of(view: object) -> "Operation | None":
    """Return a view function under its contract, or None if it declares nothing."""
    return getattr(view, "operation", None)


@dataclass(frozen=True, slots=True)
class Operation:
    """A view under its contract, and the names of what the view takes."""

    contract: Contract
    view: View
    names: frozenset[str]

    def answer(self, path: dict[str, Any]) -> Response:
        """Authenticate, read, run; fall back on the last good answer if the contract allows it."""
        contract, services = self.contract, current_services()
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # what it stands for, looked up once
        if contract.needs.required and not services.settled:
            services.wait_until_settled(limit(FIRST_LOOK))  # a new worker refuses nobody before it has looked
        caller = self._caller(services, asked)
        limits.admit(self, caller, services=services, asked=asked)
        if contract.hashes:
            services.identity.passwords.require_seat()
        changes = contract.changes_by(asked.method)
        if changes and services.modes.current not in contract.modes:
            services.modes.admit(DATABASE if DATABASE in contract.needs.required else AUTH, writing=True)
        degraded = ["offline"] if caller and caller.offline else []
        if contract.needs.optional:
            degraded += ["offline" if name == AUTH else "partial" for name in services.missing(contract.needs.optional)]
        arguments = {**path, **self._payload(asked)}
        if changes:
            return self._change(arguments, caller).response(degraded)
        reply, how = stale_answers.answer(services, self._question(services, asked, arguments, caller))
        return reply.response([*degraded, *how])

    def rows(self, blueprint: str) -> tuple[int, ...]:
        """Return where changes of its resources are counted: those it declares, or the one named like its blueprint."""
        return current_services().writes.rows(self.contract.needs.touches or (blueprint,))

    def key(self, name: str, arguments: dict[str, Any], scope: str) -> str:
        """Return the key of an answer: the endpoint, its arguments, and the permission scope it is made for."""
        return StaleStore.key(name, repr(sorted(arguments.items())), scope)

    def read_by(self, adapter: Database, arguments: dict[str, Any]) -> Reply:
        """Answer afresh by a door to the database, for nobody in particular."""
        return self._run(arguments, None, adapter.reading())

    def _question(
        self, services: Services, asked: Request, arguments: dict[str, Any], caller: Principal | None
    ) -> stale_answers.Question:
        needs, adapter = self.contract.needs, self._adapter(services)
        within = needs.stale_for if asked.method in READS else 0
        scope = PUBLIC if caller is None else str(caller.id) if self.contract.per_caller else caller.scope
        copied = "session" in self.names and needs.replica and DATABASE in needs.required
        return stale_answers.Question(
            self.key(asked.endpoint or "", arguments, scope) if within else "",
            services.writes.rows(needs.touches or (asked.blueprint or "",)),
            caller.id if caller else None,
            within,
            partial(self._read, arguments, caller, adapter),
            (lambda session: self._run(arguments, caller, nullcontext(session))) if copied else None,
        )

    def _change(self, arguments: dict[str, Any], caller: Principal | None) -> Reply:
        """Run a change, and count it as soon as it is committed, or may have been."""
        try:
            reply = self._run(arguments, caller, self._adapter(current_services()).transaction(), self._once)
        except AppError as error:
            if error.keeps_transaction or isinstance(error, OutcomeUnknown):
                self._count(caller)
            raise
        if self.contract.needs.required:
            self._count(caller)
        return reply

    def _count(self, caller: Principal | None) -> None:
        current_services().changed(self.rows(request.blueprint or ""), caller.id if caller else None)

    def _caller(self, services: Services, asked: Request) -> Principal | None:
        """Return who calls, or None where nobody needs to say. Refuses if a fresh look is needed and impossible."""
        if self.contract.permission == PUBLIC:
            return None
        identity, permission = services.identity, self.contract.permission
        caller = limits.known(services, asked)
        g.username = caller.username
        if not caller.may(permission):
            raise forbidden(caller, permission)
        if caller.offline and not self.contract.needs.offline:
            raise Unavailable(AUTH, identity.breaker.retry_after)
        warmer().saw(caller)
        return caller

    def _payload(self, asked: Request) -> dict[str, Any]:
        """Read query and body as declared."""
        contract = self.contract
        payload = read_query(asked, contract.query) if contract.query else {}
        if contract.accepts is None:
            return payload
        if contract.accepts.many:
            return {**payload, "rows": read_rows(asked, contract.accepts)}
        return payload | read_body(asked, contract.accepts)

    def _read(self, arguments: dict[str, Any], caller: Principal | None, adapter: Database) -> Reply:
        """Run a read; once more if the database failed it quickly and the retry budget allows that."""
        try:
            return self._run(arguments, caller, adapter.reading())
        except Unavailable as error:
            if type(error) is not Unavailable or "session" not in self.names or not adapter.may_retry():
                raise
        return self._run(arguments, caller, adapter.reading())

    def _run(
        self,
        arguments: dict[str, Any],
        caller: Principal | None,
        unit: AbstractContextManager[Session],
        wrapped: Callable[[Session, Principal | None, Callable[[], Reply]], Reply] | None = None,
    ) -> Reply:
        """Run the view in its unit of work, and encode what it returns while that is still open."""
        if "principal" in self.names:
            arguments = {**arguments, "principal": caller}
        if "actor" in self.names:
            arguments = {**arguments, "actor": actor(caller)}
        if "session" not in self.names:
            return encode(self.view(**arguments), self.contract.status, self.contract.returns)
        with unit as session:
            make = partial(self._make, session, arguments)
            return wrapped(session, caller, make) if wrapped else make()

    def _once(self, session: Session, caller: Principal | None, make: Callable[[], Reply]) -> Reply:
        """Make the answer to a change, or return that of before to the same request."""
        return idempotency.once(session, caller, make, keeps=not self.contract.secret)

    def _make(self, session: Session, arguments: dict[str, Any]) -> Reply:
        return encode(self.view(session=session, **arguments), self.contract.status, self.contract.returns, session)

    def _adapter(self, services: Services) -> Database:
        """Return the door that the view's session comes from."""
        return services.database if DATABASE in self.contract.needs.required else services.identity.database
