"""The way of a request through a view: authenticate, admit, read, open, run, commit, encode. One function for each.

    answer ─ authenticate ─ admit ─ read ─┬─ change ── open ─ run ─ encode ─ commit ─ count the change
                                          └─ look up ─ open ─ run ─ encode ─ (an outage: `degraded.py`)

A view is a sentence; its contract says the rest. `endpoint` declares it, and puts the view behind these steps.
"""

import functools
import inspect
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec

from flask import Request, Response, current_app, g, request
from sqlalchemy.orm import Session

from ...errors import AppError, OutcomeUnknown, ServiceUnavailable, Unauthenticated, Unavailable
from ...infra.container import Services
from ...infra.runtime.modes import Mode
from ...infra.stale.change_authors import author_key
from ...resilience import limit
from ...resilience.deadline import budget_ends
from ..query import days
from . import degraded, idempotency, rate_limits
from .call import Call
from .context import actor
from .contracts import METHODS, Contract, Operation, View
from .field_permissions import guarded_form, permitted
from .needs import AUTH, DATABASE, PUBLIC, REDIS
from .paths import read_path
from .permission_denials import forbidden as denied
from .principal import Principal
from .principal import authenticate as who_calls
from .problems import NOWHERE
from .replies import Reply, encode
from .request_parsing import read_body, read_query, read_rows

CALLERS_OWN = "private, no-cache"  # their browser may keep it, and asks before each use whether it has changed
FIRST_LOOK = 0.5  # seconds that a new worker waits for its first look at the dependencies, rather than refuse anybody
P = ParamSpec("P")


def _declaring(contract: Callable[P, Contract]) -> Callable[P, Callable[[View], View]]:
    """Return a decorator of views that takes what a contract takes, so that each field is written once."""

    def endpoint(*args: P.args, **kwargs: P.kwargs) -> Callable[[View], View]:
        """Declare a view's contract. A view that names them gets `session`, `principal` and `actor` too."""
        return partial(_enforced, contract(*args, **kwargs))

    return endpoint


def _enforced(contract: Contract, view: View) -> View:
    changing = frozenset(method for method in METHODS if contract.changes_by(method))
    names, guarded = frozenset(inspect.signature(view).parameters), guarded_form(contract.accepts)
    if guarded and (contract.permission == PUBLIC or "session" not in names):
        raise TypeError(f"{view.__name__} takes guarded fields, so it needs a caller and a session.")
    operation = Operation(contract, view, names, changing, guarded)

    @functools.wraps(view)
    def _view(**path: Any) -> Response:
        return answer(operation, path)

    _view.operation = operation  # type: ignore[attr-defined]
    return _view


endpoint = _declaring(Contract)


def answer(operation: Operation, path: dict[str, Any]) -> Response:
    """Answer the request that Flask has at hand by an operation; `path` holds the parameters of its path."""
    app, asked = current_app._get_current_object(), request._get_current_object()  # type: ignore[attr-defined]
    services: Services = app.extensions["services"]
    outer = budget_ends.set(time.monotonic() + services.config.request_budget)  # `budget`, without its three calls
    try:
        if operation.contract.needs.required and not services.warmup.done.is_set():
            services.wait_until_settled(limit(FIRST_LOOK))
        call = _call(operation, app, services, asked)
        admit(call)
        arguments = read_path(path) | read(call) if path else read(call)
        marks = _marks(call)
        if call.changes:
            reply = change(call, arguments)
        else:
            reply, how = look_up(call, arguments)
            marks += how
        response = _kept(reply, operation.contract, asked)
        return _marked(response, marks) if marks or "degraded" in g else response
    finally:
        budget_ends.reset(outer)


def _call(operation: Operation, app: Any, services: Services, asked: Request) -> Call:
    needs = operation.contract.needs
    caller = authenticate(operation, services, asked, app.extensions["limits"])
    database = services.database if DATABASE in needs.required else services.identity.database
    changes = asked.method in operation.changing
    rows = services.change_log.rows(needs.touches or (asked.blueprint or "",))
    mode = services.modes.current if services.modes.ever_changed() else Mode.NORMAL
    return Call(app, services, asked, operation, caller, mode, database, rows, changes)


def authenticate(
    operation: Operation, services: Services, asked: Request, limits: rate_limits.Limits
) -> Principal | None:
    """Return who calls, None where nobody needs to say; refuse an unknown caller, and one without the permission.

    Raises `Unauthenticated`, `Forbidden`, `RateLimited`, and `Unavailable` if only a fresh look at the account will do.
    """
    permission, needs = operation.contract.permission, operation.contract.needs
    if permission == PUBLIC:
        return None
    try:
        caller = who_calls(asked, services.identity)
    except Unauthenticated:
        rate_limits.count_stranger(limits, services)
        raise
    g.username = caller.username  # also in the log of a request that is refused
    if not caller.may(permission):
        raise denied(caller, permission)
    if caller.offline and not needs.offline:
        raise Unavailable(AUTH, services.identity.breaker.retry_after)
    return caller


def admit(call: Call) -> None:
    """Count the request against its limit, and refuse it if hashing is crowded or the mode forbids it.

    Raises `RateLimited`, `Busy`, `ReadOnly` or, in emergency mode, `Unavailable`.
    """
    contract, services = call.operation.contract, call.services
    rate_limits.admit(call)
    if contract.hashes:
        services.identity.passwords.require_capacity()
    if call.mode is not Mode.NORMAL and contract.refused_in(call.mode, call.request.method):
        services.modes.admit(call.database.breaker.name or "", writing=True)


def read(call: Call) -> dict[str, Any]:
    """Return the fields of the query and of the body, as declared. Raises `Invalid`, `BadRequest` and the like."""
    contract, asked = call.operation.contract, call.request
    fields = read_query(asked, contract.query) if contract.query else {}
    if contract.accepts is None:
        return fields
    read_sent = read_rows if contract.accepts.many else read_body
    return fields | read_sent(asked, contract.accepts, deepest=call.services.config.max_json_depth)


def change(call: Call, arguments: dict[str, Any]) -> Reply:
    """Run a change in one transaction, and count it as soon as it is committed, or may have been."""
    counted = bool(call.operation.contract.needs.required)
    try:
        if "session" not in call.operation.names:
            reply = run(call, arguments, None)
        else:
            key = call.request.headers.get(idempotency.HEADER)
            with call.database.transaction() as session:
                make = partial(run, call, arguments, session)
                reply = make() if key is None else idempotency.once(call, session, key, make)
    except AppError as error:
        if error.keeps_transaction or isinstance(error, OutcomeUnknown):
            count_change(call)
        raise
    if counted:
        count_change(call)
    return reply


def count_change(call: Call) -> None:
    """Record the change of its resources, so that its author is shown nothing from before it."""
    call.services.change_log.record(call.rows, author_key(call.caller.id if call.caller else None))


def look_up(call: Call, arguments: dict[str, Any]) -> tuple[Reply, list[str]]:
    """Answer a read, and return how the answer is degraded, if it is. Raises what no degraded answer helps against."""
    if call.caller:
        call.app.extensions["warmer"].note_scope(call.caller)
    key = degraded.key(call, arguments)
    try:
        return degraded.shared(call, key, partial(fresh, call, arguments)), []
    except ServiceUnavailable:
        found = degraded.instead(call, key, partial(run, call, arguments))
        if found is None:
            raise
        return found


def fresh(call: Call, arguments: dict[str, Any]) -> Reply:
    """Run a read; once more if the database failed it quickly and the retry budget allows that."""
    if "session" not in call.operation.names:
        return run(call, arguments, None)
    try:
        with call.database.reading() as session:
            return run(call, arguments, session)
    except Unavailable:
        if not call.database.may_retry():
            raise
    with call.database.reading() as session:
        return run(call, arguments, session)


def run(call: Call, arguments: dict[str, Any], session: Session | None) -> Reply:
    """Run the view in its unit of work, and encode what it returns while that is still open."""
    operation, given = call.operation, dict(arguments)
    if operation.guarded and call.caller and not call.caller.superuser and session is not None:
        named = (call.request.view_args or {}).get("id")
        given = permitted(call.caller, operation.guarded, given, session, row=named)
    if session is not None:
        dated = days.WholeDay in map(type, given.values())
        given = (days.settled(session, given) if dated else given) | {"session": session}
    if "principal" in operation.names:
        given["principal"] = call.caller
    if "actor" in operation.names:
        given["actor"] = actor(call.caller)
    contract = operation.contract
    value = operation.view(**given)
    return encode(value, contract.status, contract.returns, path=call.request.path, session=session)


def _marks(call: Call) -> list[str]:
    """Return how the answer is degraded by what is known now: `offline`, `partial`."""
    marks = ["offline"] if call.caller and call.caller.offline else []
    for name in call.operation.contract.needs.optional:
        forbidden = call.mode is Mode.EMERGENCY and name != REDIS
        if forbidden or call.services.breakers[name].admit() < 0:
            marks.append("offline" if name == AUTH else "partial")
    return marks


def _kept(reply: Reply, contract: Contract, asked: Request) -> Response:
    """Return the response, which says where it may be kept: what is secret or a file nowhere, the caller's by them."""
    response, secret = reply.response(asked), contract.secret
    if "Cache-Control" not in reply.headers and (secret or contract.permission != PUBLIC):
        response.headers.add("Cache-Control", NOWHERE if secret or not isinstance(reply.body, bytes) else CALLERS_OWN)
    return response


def _marked(response: Response, marks: list[str]) -> Response:
    """Say how an answer is degraded; the view may have said so too."""
    g.degraded = marks = list(dict.fromkeys([*marks, *g.get("degraded", ())]))
    response.headers["X-Degraded"] = ", ".join(marks)
    return response
