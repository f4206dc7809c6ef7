"""The components of the service, in the words of customers, and how each component works now.

A component is a set of operations of some blueprints: all operations, the lookups, or the changes. The breaker behind
it does not matter: the answers that the contracts give now say how the component works.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from flask import Flask, current_app

from ...infra.container import Services
from ...infra.status_history import ComponentStatus, StatusRecorder
from ...resilience import State
from ..endpoint.capabilities import contracts
from ..endpoint.contracts import Contract
from ..endpoint.needs import Conditions, Degradation
from ..endpoint.replies import JSON


class Part(enum.Enum):
    """Which operations of its blueprints a component is."""

    ALL = "all"
    LOOKUPS = "lookups"
    CHANGES = "changes"  # and exports


# D88: parts that customers know.
@dataclass(frozen=True, slots=True)
class Component:
    """Something that customers know: its public id, its name, what they do with it, and what it is made of.

    `place` is where it stands on the status page, from 1 on. One whose blueprints are not served yet is left out there.
    """

    id: str
    name: str
    description: str
    blueprints: frozenset[str]
    part: Part = Part.ALL
    place: int = 1

    def of(self, *blueprints: str) -> "Component":
        """Return the part of the same component that another domain adds to it."""
        return replace(self, blueprints=frozenset(blueprints))


def united(parts: Iterable[Component]) -> tuple[Component, ...]:
    """Return the components that these parts make up, by their places."""
    found: dict[str, Component] = {}
    for part in parts:
        known = found.get(part.id)
        found[part.id] = replace(part, blueprints=known.blueprints | part.blueprints) if known else part
    return tuple(sorted(found.values(), key=lambda each: each.place))


UNTOLD = frozenset(
    {"health", "status", "breakers", "docs", "pages", "metrics"}
    | {"diagnosis", "operations", "breaker_orders", "incidents", "drills", "log_level"}
)
Served = tuple[tuple[str, Contract], ...]  # methods and contracts


class ComponentWatch:
    """Tells how the served components work at this moment. Asking costs some microseconds and touches nothing."""

    def __init__(self, app: Flask, services: Services, components: tuple[Component, ...]) -> None:
        self._app, self._services = app, services
        self._components = components
        self.names = {each.id: each.name for each in components}
        self._served: Mapping[Component, Served] = {}
        self._levels = lru_cache(maxsize=64)(self._computed)

    def levels(self) -> Mapping[str, ComponentStatus]:
        """Return the state of each served component, by its id; nothing before each dependency was looked at once.

        What an operator has ordered is maintenance, unless it would be disrupted without that, too.
        """
        services = self._services
        if any(breaker.never_probed for breaker in services.breakers.values()):
            return {}
        broken = frozenset(name for name, breaker in services.breakers.items() if _broken(breaker.current_state))
        replica = services.replica_serves
        ordered = Conditions(services.down(), services.modes.current, replica=replica)
        return self._levels(Conditions(broken, replica=replica), ordered)

    @property
    def served(self) -> tuple[Component, ...]:
        """The components that the application has operations of."""
        if not self._served:
            found = list(contracts(self._app))
            by_component = {each: tuple(_operations(each, found)) for each in self._components}
            self._served = {each: operations for each, operations in by_component.items() if operations}
        return tuple(self._served)

    def _computed(self, broken: Conditions, ordered: Conditions) -> Mapping[str, ComponentStatus]:
        return {component.id: self._level(component, broken, ordered) for component in self.served}

    def _level(self, component: Component, broken: Conditions, ordered: Conditions) -> ComponentStatus:
        """Return the level of a component by what is broken, and by what operators have ordered besides."""
        served = self._served[component]
        level = level_of([contract.degradation(method, broken) for method, contract in served])
        if level is not ComponentStatus.OPERATIONAL:
            return level
        level = level_of([contract.degradation(method, ordered) for method, contract in served])
        return (
            ComponentStatus.OPERATIONAL if level is ComponentStatus.OPERATIONAL else ComponentStatus.UNDER_MAINTENANCE
        )


def level_of(answers: list[Degradation]) -> ComponentStatus:
    """Return how something works whose operations are answered in these ways."""
    refused = answers.count("refuse")
    if refused:
        return ComponentStatus.MAJOR if refused == len(answers) else ComponentStatus.PARTIAL
    return ComponentStatus.DEGRADED if "stale" in answers else ComponentStatus.OPERATIONAL


def watch(app: Flask, services: Services, components: tuple[Component, ...]) -> StatusRecorder:
    """Have the history of the components recorded, and return who does it."""
    app.extensions["watch"] = found = ComponentWatch(app, services, components)
    services.status_history.observe_with(found.levels, found.names)
    return services.status_history


def names() -> Mapping[str, str]:
    """Return the names of the components of this application, by id."""
    found: ComponentWatch = current_app.extensions["watch"]
    return found.names


def _broken(state: str) -> bool:
    """Whether a breaker in that state lets nothing through, without anybody's order."""
    return state in (State.OPEN.label, State.HALF_OPEN.label)


def _operations(component: Component, found: list[tuple[str, str, str, Contract]]) -> list[tuple[str, Contract]]:
    return [
        (method, contract)
        for blueprint, method, _, contract in found
        if blueprint in component.blueprints and component.part in (Part.ALL, _part(method, contract))
    ]


def _part(method: str, contract: Contract) -> Part:
    """Return which part an operation is; a file of all rows is for who keeps them, and no lookup."""
    return Part.LOOKUPS if not contract.changes_by(method) and contract.media == (JSON,) else Part.CHANGES
