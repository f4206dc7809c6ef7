"""What settings hand the application."""

from ..accounts.domain import ADMINISTRATION
from ..web.domain import Domain
from .backups.api import bp as backups
from .business.api import bp as settings
from .business.api import companies
from .cors_origins.api import bp as origins
from .system.api import bp as system

DOMAIN = Domain(
    blueprints=(settings, companies, origins, backups, system),
    components=(ADMINISTRATION.of("settings", "companies", "origins", "backups", "system"),),
)
