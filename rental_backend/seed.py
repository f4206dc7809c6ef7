"""Reference data: what the code expects to find in every database."""

from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from .accounts.access.seed import add_permissions_and_roles
from .settings.business.seed import add_company, add_settings


@dataclass(frozen=True, slots=True)
class Added:
    """How many rows of each kind were missing."""

    permissions: int
    roles: int
    settings: int
    company: int

    def __str__(self) -> str:
        new = [f"{count} {kind}" for kind, count in asdict(self).items() if count]
        return f"Reference data added: {', '.join(new)}." if new else "The reference data is complete."


def add_reference_data(session: Session) -> Added:
    """Store what is missing of permissions, roles, settings and the company; nothing that is there is changed."""
    permissions, roles = add_permissions_and_roles(session)
    return Added(permissions, roles, add_settings(session), add_company(session))
