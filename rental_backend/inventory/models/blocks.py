"""What was kept out of renting, by whom and why."""

import enum
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ...models import Model, Retirable, one_of

if TYPE_CHECKING:
    pass


class BlockedEntity(enum.StrEnum):
    """What was blocked from renting."""

    ITEM = "ITEM"
    CUSTOMER = "CUSTOMER"
    INVENTORY_UNIT = "INVENTORY_UNIT"


class RentalBlock(Retirable, Model):
    """One blocking or unblocking of an item or a unit."""

    __tablename__ = "rental_block_history"

    entity_type: Mapped[BlockedEntity] = mapped_column(one_of(BlockedEntity, 50), index=True)
    entity_id: Mapped[uuid.UUID] = mapped_column(index=True)
    is_blocked: Mapped[bool]
    block_reason: Mapped[str | None]
    blocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    blocked_at: Mapped[datetime | None]
    unblocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    unblocked_at: Mapped[datetime | None]
    unblock_reason: Mapped[str | None]
    notes: Mapped[str | None]
