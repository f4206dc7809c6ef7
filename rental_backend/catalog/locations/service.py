"""The rules of locations: who manages one is a user who may sign in."""

import uuid
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from ... import crud as records
from ...accounts.models import User
from ...errors import Invalid
from ..models import Location, LocationType


class LocationValues(TypedDict, total=False):
    """What can be said of a location; a change holds only what it changes."""

    location_code: str
    location_name: str
    location_type: LocationType
    address: str | None
    city: str | None
    state: str | None
    country: str | None
    postal_code: str | None
    contact_number: str | None
    email: str | None
    manager_user_id: uuid.UUID | None
    contact_person_name: str | None
    contact_person_title: str | None
    contact_person_phone: str | None
    contact_person_email: str | None
    contact_person_notes: str | None
    is_active: bool


def create(session: Session, actor: str, fields: LocationValues) -> Location:
    """Create a location. Raises `Invalid` if its manager is no active user."""
    _require_manager(session, fields.get("manager_user_id"))
    return records.create(session, Location(**fields), actor)


def change(session: Session, location: Location, actor: str, fields: LocationValues) -> Location:
    """Change what is given and leave the rest. Raises `Invalid` if a new manager is no active user."""
    manager = fields.get("manager_user_id")
    if manager != location.manager_user_id:
        _require_manager(session, manager)
    return records.change(location, actor, fields)


def _require_manager(session: Session, id: uuid.UUID | None) -> None:
    if id is None:
        return
    active = select(User.id).where(User.id == id, User.is_active, User.deleted_at.is_(None))
    if session.scalar(active) is None:
        raise Invalid({"manager_user_id": ["There is no such active user."]})
