"""The outage matrix: what every route must answer in every state of the breakers, computed from its contract alone."""

import io
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import EnvironBuilder, run_wsgi_app

from rental_backend.accounts.access.permissions import HARMLESS
from rental_backend.errors import Busy
from rental_backend.infra import AUTH, DATABASE, REDIS, REPLICA
from rental_backend.infra.container import Services
from rental_backend.infra.identity.revocations import NEVER
from rental_backend.infra.runtime.modes import Mode
from rental_backend.infra.stale.change_log import Version
from rental_backend.resilience import State
from rental_backend.resilience.state_machine import PackedState
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.contracts import Contract
from rental_backend.web.endpoint.needs import PUBLIC, SIGNED_IN
from tests import factories

from . import samples

NAMES = (DATABASE, REDIS, AUTH)
STATES = (State.CLOSED, State.HALF_OPEN, State.OPEN)
VECTORS = tuple(itertools.product(STATES, repeat=len(NAMES)))
MIXED = tuple(each for each in VECTORS if {State.HALF_OPEN, State.OPEN} <= {*each})
PURE = tuple(each for each in VECTORS if each not in MIXED)
EMERGENCY = (State.OPEN, State.CLOSED, State.OPEN)  # what such a mode is like
PATIENCE = 10  # times that a question is asked again which a busy machine had no time for
LASTING = 3000.0  # seconds that a state is to last: no probe is due, no lease ends
SETTINGS = {
    "AUTH_FRESH": "0.01", "SIGN_IN_ATTEMPTS": "1000000", "SIGN_IN_ATTEMPTS_ADDRESS": "1000000", "LOG_LEVEL": "ERROR",
}  # fmt: skip
Vector = tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, with the request it is asked by."""

    name: str
    method: str
    contract: Contract
    touches: tuple[str, ...]
    environ: dict[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says of itself."""

    status: int
    degraded: frozenset[str]
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of the problem that it is, if any."""
        return str(json.loads(self.body).get("code")) if self.status >= 400 and self.body else ""


# D49: computed from the contracts.
class Matrix:
    """All routes of an application whose probes do not run, asked by a superuser."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app = app
        self.services: Services = app.extensions["services"]
        holder = factories.user(session, username=samples.HOLDER, is_superuser=True)
        tokens = self.services.identity.tokens
        self._token = factories.token(session, tokens, holder, superuser=True)
        given = {"kind": "refresh", "superuser": True}
        self._tokens = {name: factories.token(session, tokens, holder, **given) for name in ("refreshed", "ended")}
        ids = samples.rows(session, holder)
        routes = [self._route(ids, *each) for each in contracts(app)]
        self.routes = sorted(routes, key=lambda route: route.contract.changes_by(route.method))  # changes come last
        self._tags: dict[str, Version] = {}

    def _route(self, ids: samples.Ids, blueprint: str, method: str, rule: str, contract: Contract) -> Route:
        name = f"{method} {rule}"
        body = samples.body(name, contract, self._tokens["ended" if rule.endswith("/logout") else "refreshed"])
        sent = b"" if body is None else json.dumps(body).encode()
        builder = EnvironBuilder(
            samples.path(method, rule, ids),
            method=method,
            query_string=samples.query(name, contract),
            headers={"Authorization": f"Bearer {self._token}"},
            input_stream=None,
            data=sent,
            content_type="application/json" if sent else None,
        )
        return Route(name, method, contract, contract.needs.touches or (blueprint,), builder.get_environ(), sent)

    def put(self, vector: Vector) -> None:
        """Put the breakers into these states, which last; one of the replica comes last, if there is one."""
        identity, closed = self.services.identity, (State.CLOSED,) * len(NAMES)
        for states in (closed, vector):
            for name, state in zip((*NAMES, REPLICA), states, strict=False):
                self.services.breakers[name].engine.transition(_into(state), "the matrix")
            if states is closed:
                identity.forget_everybody()
                identity.revocations.refresh()
        identity.revocations._present = identity.revocations._asked = NEVER  # a while ago

    def ask(self, route: Route) -> Said:
        """Ask a route in the present states, again if this process itself was too busy to answer."""
        asked = (self._ask(route) for _ in range(PATIENCE))
        return next((said for said in asked if said.code != Busy.code), None) or self._ask(route)

    def _ask(self, route: Route) -> Said:
        environ = {**route.environ, "wsgi.input": io.BytesIO(route.body)}
        chunks, status, headers = run_wsgi_app(self.app.wsgi_app, environ, buffered=True)
        said = headers.get("X-Degraded", "")
        degraded = frozenset(said.split(", ")) if said else frozenset()
        return Said(int(status[:3]), degraded, dict(headers), b"".join(chunks))

    def remember(self, vector: Vector) -> None:
        """Ask anew, with everything there, what is stale in these states and was made useless by a change.

        What fails with everything there was too slow for its deadline or a breaker, and is asked again.
        """
        self.put((State.CLOSED,) * len(NAMES))
        for route in self.routes:
            if declared(route, _down(vector)) == "stale" and self._tags.get(route.name) != self._tag(route):
                for _ in range(PATIENCE):
                    self.put((State.CLOSED,) * len(NAMES))
                    tag = self._tag(route)
                    if self.ask(route).status < 500:
                        self._tags[route.name] = tag
                        break

    def _tag(self, route: Route) -> Version:
        return self.services.change_log.version(self.services.change_log.rows(route.touches))

    def wrong(self, vector: Vector) -> Iterator[str]:
        """Put the breakers into these states, ask every route, and name those that do not answer as declared."""
        self.put(vector)
        down, replica = _down(vector), vector[len(NAMES) :] == (State.CLOSED,)
        mode = self.services.modes.current
        for route in self.routes:
            answer = declared(route, down, mode, replica=replica)
            said = self.ask(route)
            if said.status == 503 and _fault(answer, said):  # a slow machine is not that slow twice
                self.put(vector)
                said = self.ask(route)
            fault = _fault(answer, said)
            if fault:
                states = "/".join(state.label for state in vector)
                got = f"{said.status} {sorted(said.degraded)} {said.body[:200]!r}"
                yield f"{route.name} in {states}: {fault}, but {got}"


def prepared(app: Flask, session: Session) -> Matrix:
    """Make the matrix of an application, which no probe disturbs from now on."""
    services = app.extensions["services"]
    services.started_in = os.getpid()
    services.warmup.done.set()
    return Matrix(app, session)


def _down(vector: Vector) -> frozenset[str]:
    return frozenset(name for name, state in zip(NAMES, vector, strict=False) if state is not State.CLOSED)


def _into(state: State) -> Any:
    def step(word: PackedState, now: float) -> PackedState:
        return word.to(state, 0.0 if state is State.CLOSED else now + LASTING)

    return step


def declared(route: Route, down: frozenset[str], mode: Mode = Mode.NORMAL, *, replica: bool = False) -> str:
    """Return how a superuser is answered: as the contract and the mode say, or forbidden. `replica`: one serves reads.

    Whoever cannot be known not to be signed out, since accounts and Redis are both away, keeps harmless permissions.
    """
    contract, permission = route.contract, samples.CHECKED_BY_VIEW.get(route.name, route.contract.permission)
    if {AUTH, REDIS} <= down and permission not in (PUBLIC, SIGNED_IN) and permission not in HARMLESS:
        return "forbidden"
    if contract.refused_in(mode, route.method):
        return "refuse"
    serves = replica and not contract.changes_by(route.method)
    return contract.needs.degradation(down | {DATABASE, AUTH} if mode is Mode.EMERGENCY else down, replica=serves)


def _fault(answer: str, said: Said) -> str:
    """Return what is wrong with an answer, or nothing."""
    match answer:
        case "refuse":
            problem = json.loads(said.body) if said.status == 503 else {}
            true = 0 < int(said.headers.get("Retry-After", 0)) <= LASTING and problem.get("retry_after")
            return "" if true and problem["dependency"] in NAMES else "refused with a time and a reason"
        case "forbidden":
            return "" if said.status == 403 else "forbidden"
        case "stale":
            aged = said.headers.get("Age", "").isdigit() and said.headers.get("Warning", "").startswith("110")
            return "" if said.status == 200 and "stale" in said.degraded and aged else "stale"
        case "full":
            return "" if said.status < 500 and not said.degraded else "answered in full"
    marked = answer in said.degraded or said.status >= 400  # what the view itself refuses is not marked
    return "" if said.status < 500 and marked else answer


def tried_in_vain(route: Route, said: Said) -> str:
    """Return why a sample proves nothing of a route that has everything it needs, or nothing."""
    refused = said.status in (401, 403, 405, 415, 422) and route.name not in samples.DISABLED
    if refused and route.contract.permission != PUBLIC:
        return f"{route.name}: its sample is refused: {said.status} {said.body[:300]!r}"
    if route.contract.needs.stale_for and said.status != 200:
        return f"{route.name}: its sample finds nothing to be remembered: {said.status} {said.body[:300]!r}"
    return ""
