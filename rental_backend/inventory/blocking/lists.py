"""Lists of what is kept out of renting."""

from ...schemas import Paging
from ...web.query.envelopes import part
from ...web.query.listing import Listing
from .read_models import BlockedItem, BlockEntry
from .schemas import BlockedItemSchema, BlockedItemsSchema, BlockEntriesSchema, BlockEntrySchema

_blocked, _entry = BlockedItem.__table__.c, BlockEntry.__table__.c
BLOCKED = Listing(
    BlockedItem,
    BlockedItemSchema,
    order=(_blocked.rental_blocked_at.desc(), _blocked.id.desc()),
    search=(_blocked.sku, _blocked.item_name),
    sorts=("item_name", "sku", "rental_blocked_at"),
    envelope=part(BlockedItemsSchema),
)
HISTORY = Listing(
    BlockEntry,
    BlockEntrySchema,
    order=(_entry.changed_at.desc(), _entry.id.desc()),
    query=Paging,
    search=(_entry.remarks, _entry.changed_by_username),
    conditions={"item_id": _entry.entity_id.__eq__},
    sorts=("changed_at",),
    envelope=part(BlockEntriesSchema),
)
