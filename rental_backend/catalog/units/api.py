"""Units of measurement."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query import projection
from ...web.query.conditions import contains
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.resource.activation import add_activation
from ...web.resource.extra_routes import add_active, add_search
from ...web.resource.import_export import add_export, add_import
from ...web.resource.resource import Resource
from .. import usage as service
from ..models import UnitOfMeasurement as Unit
from ..needs import BROWSE, CHANGE, MASTER_DATA
from .schemas import NewUnit, UnitChange, UnitOperation, UnitQuery, UnitSchema

UNITS = Resource(
    name="units-of-measurement",
    prefix="/api/master-data/units-of-measurement",
    model=Unit,
    schema=UnitSchema,
    listing=Listing(
        Unit,
        UnitSchema,
        order=(Unit.name.asc(), Unit.id.asc()),
        query=UnitQuery,
        search=(Unit.name, Unit.code, Unit.description),
        conditions={"name": contains(Unit.name), "code": contains(Unit.code)},
        sorts=("name", "code", "abbreviation", "description", "is_active", "created_at", "updated_at", "item_count"),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=MASTER_DATA,
    accepts=NewUnit,
    changes=UnitChange,
    retire=service.retire,
)
bp = UNITS.blueprint()
add_search(bp, UNITS)
add_active(bp, UNITS)
add_activation(bp, UNITS)
add_import(bp, UNITS, "MASTER_DATA_IMPORT")
add_export(bp, UNITS, "MASTER_DATA_EXPORT")


@bp.post("/bulk-operation")
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", accepts=UnitOperation())
def operate(session: Session, principal: Principal, ids: list[uuid.UUID], active: bool) -> dict[str, Any]:
    """Activate or deactivate many units of measurement. Unknown ids are named in the answer and stop no other unit."""
    outcome = service.set_active(session, principal.username, ids, active)
    faults = [{"unit_id": each, "error": "There is no such unit of measurement."} for each in outcome.missing]
    return {"success_count": outcome.done, "failure_count": len(faults), "errors": faults}


@bp.get("/by-name/<name>")
@endpoint(needs=BROWSE, permission="MASTER_DATA_VIEW", returns=UnitSchema())
def named(session: Session, name: str) -> bytes:
    """Show a unit of measurement by its name. Upper and lower case are the same."""
    return projection.one(session, UnitSchema, Unit, service.named(session, Unit.name, name))


@bp.get("/by-abbreviation/<abbreviation>")
@endpoint(needs=BROWSE, permission="MASTER_DATA_VIEW", returns=UnitSchema())
def abbreviated(session: Session, abbreviation: str) -> bytes:
    """Show a unit of measurement by its abbreviation. Upper and lower case are the same."""
    return projection.one(session, UnitSchema, Unit, service.named(session, Unit.code, abbreviation))
