"""What sales hand the application."""

from ..web.domain import Domain
from ..web.status.components import Component

SALES = Component("sales", "Sales and purchases", "Buying and selling.", frozenset({"sales", "purchases"}), place=3)
DOMAIN = Domain(components=(SALES,), aliases=(("/api/transactions/sales/sales/", "/api/transactions/sales/"),))
