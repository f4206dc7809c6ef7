"""What settings hand the application."""

from ..accounts.domain import ADMINISTRATION
from ..web.domain import Domain
from .backups.api import bp as backups
from .companies.api import bp as companies
from .cors_origins.api import bp as origins
from .regional.api import bp as settings  # that of business, with the views of regional
from .system.api import bp as system

DOMAIN = Domain(
    blueprints=(settings, companies, origins, backups, system),
    components=(ADMINISTRATION.of("settings", "companies", "origins", "backups", "system"),),
)
