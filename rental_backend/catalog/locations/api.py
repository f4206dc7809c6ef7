"""Locations."""

import uuid

from sqlalchemy.orm import Session

from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query.listing import Listing
from ...web.resource.activation import add_activation
from ...web.resource.extra_routes import add_active, add_search
from ...web.resource.import_export import add_export, add_import
from ...web.resource.resource import Resource
from ..models import Location
from ..needs import BROWSE, CHANGE, MASTER_DATA
from . import service as locations
from .schemas import Assignment, LocationChange, LocationQuery, LocationSchema, LocationSearch, NewLocation

LOCATIONS = Resource(
    name="locations",
    prefix="/api/master-data/locations",
    model=Location,
    schema=LocationSchema,
    listing=Listing(
        Location,
        LocationSchema,
        order=(Location.location_name.asc(), Location.id.asc()),
        query=LocationQuery,
        search=(
            *(Location.location_code, Location.location_name, Location.address, Location.city, Location.state),
            *(Location.country, Location.postal_code, Location.contact_number, Location.email),
        ),
        filters=("location_type",),
        sorts=(
            *("location_name", "name", "location_code", "code", "location_type", "city", "state", "country"),
            *("is_active", "created_at", "updated_at"),
        ),
        warm=({}, {"limit": "100"}, {"limit": "1000"}),
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=MASTER_DATA,
    accepts=NewLocation,
    changes=LocationChange,
    create=locations.create,
    change=locations.change,
)
bp = LOCATIONS.blueprint()
add_search(bp, LOCATIONS, LocationSearch)
add_active(bp, LOCATIONS)
add_import(bp, LOCATIONS, "MASTER_DATA_IMPORT")
add_export(bp, LOCATIONS, "MASTER_DATA_EXPORT")
add_activation(bp, LOCATIONS)


@bp.post("/<uuid:id>/assign-manager")
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", accepts=Assignment(), returns=LocationSchema())
def assign_manager(session: Session, principal: Principal, id: uuid.UUID, manager_user_id: uuid.UUID) -> Location:
    """Assign a manager to a location."""
    location = LOCATIONS.find(session, id)
    return locations.change(session, location, principal.username, {"manager_user_id": manager_user_id})


@bp.post("/<uuid:id>/remove-manager")
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", returns=LocationSchema())
def remove_manager(session: Session, principal: Principal, id: uuid.UUID) -> Location:
    """Remove the manager of a location."""
    return locations.change(session, LOCATIONS.find(session, id), principal.username, {"manager_user_id": None})
