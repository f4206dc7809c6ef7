"""What parties hand the application."""

from ..web.domain import Domain
from ..web.status.components import Component
from .customers.api import bp as customers
from .suppliers.api import bp as suppliers

PARTIES = Component(
    "customers",
    "Customers and suppliers",
    "Their addresses, contacts and terms.",
    frozenset({"customers", "suppliers"}),
    place=5,
)
DOMAIN = Domain(blueprints=(customers, suppliers), components=(PARTIES,))
