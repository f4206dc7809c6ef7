"""Lists of what is kept out of renting."""

from ...web.query.listing import Listing
from .read_models import BlockedItem, BlockEntry
from .schemas import BlockedItemSchema, BlockEntrySchema

_blocked, _entry = BlockedItem.__table__.c, BlockEntry.__table__.c
BLOCKED = Listing(
    BlockedItem,
    BlockedItemSchema,
    order=(_blocked.rental_blocked_at.desc(), _blocked.id.desc()),
    search=(_blocked.sku, _blocked.item_name),
    filters={"is_active": _blocked.is_active.__eq__},
    sorts={name: _blocked[name] for name in ("item_name", "sku", "rental_blocked_at")},
)
HISTORY = Listing(
    BlockEntry,
    BlockEntrySchema,
    order=(_entry.changed_at.desc(), _entry.id.desc()),
    search=(_entry.remarks, _entry.changed_by_username),
    filters={"item_id": _entry.entity_id.__eq__},
    sorts={"changed_at": _entry.changed_at},
)
