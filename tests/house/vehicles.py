"""A resource that is not there: vehicles with three fields, added as the guide says. Each place is a file."""

from collections.abc import Iterable
from pathlib import Path

CATALOG = "rental_backend/catalog"
UNITS = "from .units.api import bp as units"
MODEL = '''

class Vehicle(Retirable, Model):
    """A vehicle that delivers what is rented."""

    __tablename__ = "vehicles"
    __table_args__ = (*at_least(1, "seats"),)

    plate: Mapped[str] = mapped_column(String(20), unique=True)
    make: Mapped[str | None] = mapped_column(String(50))
    seats: Mapped[int]
'''
SCHEMAS = '''"""The wire forms of vehicles."""

from marshmallow import fields, validate

from ...fields import Text
from ...schemas import Payload
from ..schemas import Row


class NewVehicle(Payload):
    """A vehicle to be created."""

    plate = Text(20, 1, required=True)
    make = Text(50, allow_none=True)
    seats = fields.Integer(required=True, validate=validate.Range(1, 60))


class VehicleChange(Payload):
    """The fields of a vehicle to change; the others stay as they are."""

    plate = Text(20, 1)
    make = Text(50, allow_none=True)
    seats = fields.Integer(validate=validate.Range(1, 60))


class VehicleSchema(Row):
    """A vehicle."""

    plate = fields.String()
    make = fields.String()
    seats = fields.Integer()
'''
API = '''"""Vehicles."""

from ...web.query.listing import Listing
from ...web.resource.resource import Permissions, Resource
from ..models import Vehicle
from ..needs import BROWSE, CHANGE
from .schemas import NewVehicle, VehicleChange, VehicleSchema

VEHICLES = Resource(
    name="vehicles",
    prefix="/api/vehicles",
    model=Vehicle,
    schema=VehicleSchema,
    listing=Listing(
        Vehicle,
        VehicleSchema,
        order=(Vehicle.plate.asc(), Vehicle.id.asc()),
        search=(Vehicle.plate, Vehicle.make),
        sorts=("plate", "seats", "created_at"),
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("VEHICLE"),
    accepts=NewVehicle,
    changes=VehicleChange,
)
bp = VEHICLES.blueprint()
'''
# What is written into new files, what is put at the end of one, and what is put in place of something in one.
NEW = {
    f"{CATALOG}/vehicles/__init__.py": '"""Vehicles that deliver what is rented."""\n',
    f"{CATALOG}/vehicles/schemas.py": SCHEMAS,
    f"{CATALOG}/vehicles/api.py": API,
}
ADDED = {f"{CATALOG}/models.py": MODEL}
CHANGED = {
    f"{CATALOG}/domain.py": (
        (f"{UNITS}\n", f"{UNITS}\nfrom .vehicles.api import bp as vehicles\n"),
        ("categories, units, locations)", "categories, units, locations, vehicles)"),
        ('"units-of-measurement"}', '"units-of-measurement", "vehicles"}'),
    ),
    "rental_backend/accounts/access/permissions.py": (
        ('    "USER": (\n', '    "VEHICLE": ("vehicles", "VIEW CREATE UPDATE DELETE"),\n    "USER": (\n'),
    ),
}
PLACES = (*NEW, *ADDED, *CHANGED)


def add(folder: Path, places: Iterable[str] = PLACES) -> None:
    """Write vehicles into a copy of the checkout, as far as these places go."""
    for place in places:
        path = folder / place
        if place in NEW:
            path.parent.mkdir(exist_ok=True)
            path.write_text(NEW[place])
        elif place in ADDED:
            path.write_text(path.read_text() + ADDED[place])
        else:
            text = path.read_text()
            for before, after in CHANGED[place]:
                if before not in text:
                    raise ValueError(f"{place} does not hold {before!r}")
                text = text.replace(before, after)
            path.write_text(text)
