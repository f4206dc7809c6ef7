"""One request under way, frozen: what all of its steps look at and none of them changes."""

from typing import NamedTuple

from flask import Flask, Request

from ...infra.container import Services
from ...infra.postgres.database import Database
from ...infra.runtime.modes import Mode
from .contracts import Operation
from .principal import Principal


class Call(NamedTuple):
    """A request, the operation it asks for, and who asks (None where nobody needs to say).

    `database` is where the session of its view comes from. `changes` tells whether it may change anything; if so it
    changes the resources whose counters of the change log lie at `rows`, else it shows these.
    """

    app: Flask
    services: Services
    request: Request
    operation: Operation
    caller: Principal | None
    mode: Mode
    database: Database
    rows: tuple[int, ...]
    changes: bool
