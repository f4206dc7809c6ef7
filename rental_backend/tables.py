"""All tables of all domains, so that the names by which they refer to each other are known."""

from .accounts import models as accounts
from .accounts.changes import models as account_changes
from .bookings import models as bookings
from .catalog import models as catalog
from .infra import idempotency_table as idempotency
from .infra.status_history import tables as uptime
from .inventory import models as inventory
from .models import Model
from .parties import models as parties
from .purchases import models as purchases
from .rentals import models as rentals
from .sales import models as sales
from .settings import models as settings
from .transactions import models as transactions

__all__ = [
    "account_changes",
    "accounts",
    "bookings",
    "catalog",
    "idempotency",
    "inventory",
    "metadata",
    "parties",
    "purchases",
    "rentals",
    "sales",
    "settings",
    "transactions",
    "uptime",
]

metadata = Model.metadata
