"""What inventory hands the application."""

from ..catalog.domain import CATALOGUE, UPKEEP
from ..web.domain import Domain
from .blocking.api import bp as item_blocking
from .items.api import bp as items

DOMAIN = Domain(
    blueprints=(items, item_blocking),
    components=(CATALOGUE.of("items"), UPKEEP.of("items", "item-blocking", "inventory", "stock")),
    aliases=(("/api/master-data/item-master/rental-blocking/", "/api/master-data/items/rental-blocking/"),),
)
