"""What analytics hand the application."""

from ..web.domain import Domain
from ..web.status.components import Component
from .parties.api import bp as parties

REPORTS = Component("reports", "Reports", "Figures and reports.", frozenset({"party_analytics", "analytics"}), place=7)
DOMAIN = Domain(
    blueprints=(parties,), components=(REPORTS,), aliases=(("/api/analytics/analytics/", "/api/analytics/"),)
)
