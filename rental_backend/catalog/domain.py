"""What the catalogue hands the application."""

from ..web.domain import Domain
from ..web.status.components import Component, Part
from .brands.api import bp as brands
from .categories.api import bp as categories
from .locations.api import bp as locations
from .units.api import bp as units

CATALOGUE = Component(
    "catalogue",
    "Catalogue",
    "Finding items, their prices and where they are.",
    frozenset({"brands", "categories", "locations"}),
    Part.LOOKUPS,
    place=1,
)
UPKEEP = Component(
    "stock",
    "Stock and catalogue upkeep",
    "Changing items, categories, locations and what may be rented.",
    frozenset({"brands", "categories", "locations", "units-of-measurement"}),
    Part.CHANGES,
    place=6,
)
DOMAIN = Domain(blueprints=(brands, categories, units, locations), components=(CATALOGUE, UPKEEP))
