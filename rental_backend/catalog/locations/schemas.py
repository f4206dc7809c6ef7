"""The wire forms of locations."""

from typing import ClassVar

from marshmallow import fields

from ...fields import Choice, Email, Phone, Text, Whole
from ...schemas import MOST_ROWS, Browsing, Lookup, Payload
from ..models import LocationType
from ..schemas import Row

# The pages call the same thing by several names: all are read and all are answered.
NAMES = {"code": "location_code", "name": "location_name"}
CONTACT = {
    "contact_person": "contact_person_name",
    "contact_phone": "contact_person_phone",
    "contact_email": "contact_person_email",
}


class LocationFields(Payload):
    """The fields of a location."""

    ALIASES: ClassVar = {**NAMES, **CONTACT}

    address = Text(500, allow_none=True)
    city = Text(100, allow_none=True)
    state = Text(100, allow_none=True)
    country = Text(100, allow_none=True)
    postal_code = Text(20, allow_none=True)
    contact_number = Phone(20, allow_none=True)
    email = Email(allow_none=True)
    manager_user_id = fields.UUID(allow_none=True)
    contact_person_name = Text(255, allow_none=True)
    contact_person_title = Text(100, allow_none=True)
    contact_person_phone = Phone(50, allow_none=True)
    contact_person_email = Email(allow_none=True)
    contact_person_notes = Text(10_000, allow_none=True)
    is_active = fields.Boolean()


class NewLocation(LocationFields):
    """A new location."""

    location_code = Text(20, 1, required=True)
    location_name = Text(100, 1, required=True)
    location_type = Choice(LocationType, required=True)


class LocationChange(LocationFields):
    """Changes of a location. Fields that are not sent keep their values."""

    location_code = Text(20, 1)
    location_name = Text(100, 1)
    location_type = Choice(LocationType)


class LocationSchema(Row):
    """A location."""

    location_code = fields.String()
    location_name = fields.String()
    location_type = fields.String()
    code = fields.String()
    name = fields.String()
    address = fields.String()
    city = fields.String()
    state = fields.String()
    country = fields.String()
    postal_code = fields.String()
    contact_number = fields.String()
    email = fields.String()
    manager_user_id = fields.UUID()
    contact_person_name = fields.String()
    contact_person_title = fields.String()
    contact_person_phone = fields.String()
    contact_person_email = fields.String()
    contact_person_notes = fields.String()
    contact_person = fields.String(attribute="contact_person_name")
    contact_phone = fields.String(attribute="contact_person_phone")
    contact_email = fields.String(attribute="contact_person_email")


class LocationQuery(Browsing):
    """Filters for the list of locations."""

    location_type = Choice(LocationType)


class LocationSearch(Lookup):
    """The search for locations. It answers up to 100 locations unless `limit` says otherwise."""

    search = Text(200, 2, required=True, data_key="search_term")
    limit = Whole(1, MOST_ROWS, load_default=100)


class Assignment(Payload):
    """The manager of a location: the id of a user."""

    manager_user_id = fields.UUID(required=True)
