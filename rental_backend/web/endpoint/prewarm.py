"""Answers made ahead of an outage: the pages that a contract names, for everybody who lately was here to see them."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import structlog
from flask import Flask

from ...errors import AppError
from ...infra import DATABASE
from ...infra.container import Services
from ...infra.postgres.database import Database
from ...infra.runtime.modes import Mode
from ...infra.stale.store import CachedResponse
from .contracts import Operation, operation_of
from .degraded import key_of
from .needs import PUBLIC
from .principal import Principal
from .replies import Reply, encode

log = structlog.get_logger("rental_backend.warming")
LOOK_EVERY = 1.0
RENEW_EVERY = 60.0  # seconds between two answers to the same question while nothing changes
PAUSE = 5.0  # seconds between two if something changes all the time
SCOPES = 32  # most scopes kept, those seen last
SEEN_FOR = 3600.0

Wanted = tuple[str, Operation, dict[str, Any]]  # the endpoint, what answers it, and the arguments


class Warmer:
    """The thread of this process that renews the pages to be warm, one question at a time. `made` counts its answers.

    What is asked for a scope is what somebody of that scope may see: answers of a scope are the same for all its
    holders, so a page that depends on who asks is not warmed.
    """

    def __init__(self, app: Flask, services: Services) -> None:
        self.made = 0
        self._app = app
        self._services = services
        self._scopes: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._asked: dict[str, float] = {}
        self._owner: int | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def note_scope(self, caller: Principal) -> None:
        """Note that somebody of this scope is here."""
        known = self._scopes.get(caller.scope)
        now = time.monotonic()
        if caller.offline or (known and now - known[1] < LOOK_EVERY):
            return
        with self._lock:
            self._scopes[caller.scope] = (caller, now)
            self._scopes.move_to_end(caller.scope)
            while len(self._scopes) > SCOPES:
                self._scopes.popitem(last=False)

    def start(self) -> None:
        """Start the thread of this process, once; a forked child starts its own."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            threading.Thread(target=self._run, name="warmer", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopping.set()

    def rehearse(self) -> None:
        """Ask every such question once and forget the answers, so that nobody waits for what the first one costs."""
        with self._app.app_context():
            for _, operation, arguments in self._wanted():
                read_by(operation, self._services.database, arguments)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            try:
                self.once()
            except Exception:  # of a view: the other pages, and the next round, are none the worse for it
                log.exception("a page could not be made ahead")

    def once(self) -> None:
        """Ask what is due, while the database answers and nobody has ordered otherwise."""
        with self._app.app_context():
            for name, operation, arguments in self._wanted():
                for scope, caller in self._callers(operation):
                    if not self._services.database.breaker.closed or self._services.modes.current is Mode.EMERGENCY:
                        return
                    self._renew(name, operation, arguments, scope if caller else PUBLIC)

    def _wanted(self) -> Iterator[Wanted]:
        for name, view in self._app.view_functions.items():
            operation = operation_of(view)
            if operation is None:
                continue
            for query in operation.contract.warm:
                schema = operation.contract.query
                yield name, operation, dict(schema.load(dict(query))) if schema else {}

    # D44: asked for by scope.
    def _callers(self, operation: Operation) -> list[tuple[str, Principal | None]]:
        """Return the scopes for which an operation is asked."""
        permission = operation.contract.permission
        if permission == PUBLIC:
            return [(PUBLIC, None)]
        lately = time.monotonic() - SEEN_FOR
        with self._lock:
            known = tuple(self._scopes.items())
        return [(scope, caller) for scope, (caller, seen) in known if seen > lately and caller.may(permission)]

    def _renew(self, name: str, operation: Operation, arguments: dict[str, Any], scope: str) -> None:
        touched = operation.contract.needs.touches or (name.rpartition(".")[0],)
        key, rows = key_of(name, arguments, scope), self._services.change_log.rows(touched)
        now = time.monotonic()
        if self._services.response_cache.is_fresh(key, rows, RENEW_EVERY) or now < self._asked.get(key, 0.0) + PAUSE:
            return
        if len(self._asked) > 1000:
            self._asked.clear()
        self._asked[key] = now
        version, began = self._services.change_log.version(rows), time.time()
        try:
            reply = read_by(operation, self._services.database, arguments)
        except AppError:  # an outage begins; what is known stays
            return
        if not isinstance(reply.body, bytes):
            return
        self._services.response_cache.remember(key, CachedResponse(reply.body, reply.headers, began, version))
        self.made += 1


def read_by(operation: Operation, database: Database, arguments: dict[str, Any]) -> Reply:
    """Answer a read afresh, for nobody in particular and outside of any request."""
    contract = operation.contract
    with database.reading() as session:
        value = operation.view(**arguments, session=session)
        return encode(value, contract.status, contract.returns, session=session)


def refuse_what_cannot_be_warm(app: Flask) -> None:
    """Raise `RuntimeError` for a contract that wants a page warm which depends on more than its query."""
    for name, view in app.view_functions.items():
        operation = operation_of(view)
        if operation is None or not operation.contract.warm:
            continue
        contract, needs = operation.contract, operation.contract.needs
        own = contract.per_caller or operation.names & {"principal", "actor"} or "session" not in operation.names
        if own or not needs.stale_for or DATABASE not in needs.required:
            raise RuntimeError(f"{name} cannot be warm: it needs more than its query and the database, or is not kept")
