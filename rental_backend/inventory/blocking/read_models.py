"""Blocked items, the history of blocking, and whether an item can be rented, as they are shown."""

from sqlalchemy import ColumnElement, ColumnExpressionArgument, and_, case, func, literal_column, not_, select

from ...accounts.access.read_models import ReadModel
from ...accounts.models import User
from ...catalog.models import Item, ItemStatus
from ..items.columns import available, total
from ..models import BlockedEntity, InventoryUnit, RentalBlock, UnitStatus

_changed_by = func.coalesce(RentalBlock.blocked_by, RentalBlock.unblocked_by)


def _text(said: str) -> ColumnElement[str]:
    return literal_column(f"'{said}'")


class BlockEntry(ReadModel):
    """One blocking or unblocking of an item, with who did it; `remarks` is the reason given."""

    __table__ = (
        select(
            RentalBlock.id,
            RentalBlock.entity_type,
            RentalBlock.entity_id,
            RentalBlock.is_blocked,
            not_(RentalBlock.is_blocked).label("previous_status"),
            func.coalesce(RentalBlock.block_reason, RentalBlock.unblock_reason, "").label("remarks"),
            _changed_by.label("changed_by"),
            func.coalesce(RentalBlock.blocked_at, RentalBlock.unblocked_at, RentalBlock.created_at).label("changed_at"),
            case((RentalBlock.is_blocked, _text("Blocked from renting")), else_=_text("Free for renting")).label(
                "status_change_description"
            ),
            Item.item_name.label("entity_display_name"),
            User.username.label("changed_by_username"),
            User.full_name.label("changed_by_full_name"),
        )
        .join(Item, Item.id == RentalBlock.entity_id)
        .outerjoin(User, User.id == _changed_by)
        .where(RentalBlock.entity_type == BlockedEntity.ITEM)
        .subquery("entries")
    )
    __mapper_args__ = {"primary_key": [__table__.c.id]}


class BlockedItem(ReadModel):
    """An item that is blocked from renting, and by whom."""

    __table__ = (
        select(
            *(Item.id, Item.item_name, Item.sku, Item.rental_block_reason),
            *(Item.rental_blocked_at, Item.rental_blocked_by, Item.is_active),
            User.username.label("blocked_by_username"),
        )
        .outerjoin(User, User.id == Item.rental_blocked_by)
        .where(Item.is_rental_blocked)
        .subquery("blocked")
    )
    __mapper_args__ = {"primary_key": [__table__.c.id]}


def _pieces(*conditions: ColumnExpressionArgument[bool]) -> ColumnElement[int]:
    of_item = and_(InventoryUnit.item_id == Item.id, InventoryUnit.is_active, *conditions)
    return func.coalesce(select(func.sum(InventoryUnit.quantity)).where(of_item).correlate(Item).scalar_subquery(), 0)


_unblocked = _pieces(InventoryUnit.status == UnitStatus.AVAILABLE, not_(InventoryUnit.is_rental_blocked))
_free = func.least(available, _unblocked)  # of a batch only its stock level knows what is out
_traded = and_(Item.is_active, Item.item_status == ItemStatus.ACTIVE)
_standing = (
    (not_(_traded), _text("The item is not traded any more.")),
    (not_(Item.is_rentable), _text("The item is not for rent.")),
    (Item.is_rental_blocked, _text("The item is blocked from renting.")),
    (_free < 1, _text("No unit is free.")),
)


class Rentability(ReadModel):
    """Whether an item can be rented now (BR-H3): for rent, not blocked, and a unit is free."""

    __table__ = select(
        Item.id,
        Item.id.label("item_id"),
        *(Item.item_name, Item.sku, Item.is_rentable),
        Item.is_rental_blocked.label("is_item_blocked"),
        Item.rental_block_reason.label("block_reason"),
        total.label("total_units"),
        _free.label("available_units"),
        _pieces(InventoryUnit.is_rental_blocked).label("blocked_units"),
        and_(_traded, Item.is_rentable, not_(Item.is_rental_blocked), _free >= 1).label("can_be_rented"),
        case(*_standing, else_=_text("The item can be rented.")).label("availability_message"),
    ).subquery("rentability")
    __mapper_args__ = {"primary_key": [__table__.c.id]}
