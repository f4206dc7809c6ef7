"""Keeping items out of renting, and letting them back (BR-H1). Every change is kept with its reason."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...catalog.models import Item
from ..models import BlockedEntity, RentalBlock


@dataclass(frozen=True, slots=True)
class Who:
    """Who blocks or unblocks."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What became of an item that was to be blocked or unblocked; `previous_status` is what it was before."""

    item_id: uuid.UUID
    item_name: str
    is_rental_blocked: bool
    rental_block_reason: str | None
    rental_blocked_at: datetime | None
    rental_blocked_by: uuid.UUID | None
    previous_status: bool
    message: str


@dataclass(frozen=True, slots=True)
class BlockResults:
    """What became of each item of many."""

    successful_changes: list[BlockResult] = field(default_factory=list)
    failed_changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total_successful(self) -> int:
        """How many are now as wanted."""
        return len(self.successful_changes)

    @property
    def total_failed(self) -> int:
        """How many are not there."""
        return len(self.failed_changes)

    @property
    def total_requested(self) -> int:
        """How many different ones were named."""
        return self.total_successful + self.total_failed


def set_blocked(session: Session, item: Item, who: Who, *, blocked: bool, remarks: str) -> BlockResult:
    """Block or unblock an item, whose row is locked; one that is so already stays untouched and gets no entry."""
    before = item.is_rental_blocked
    if before is not blocked:
        now = datetime.now(UTC)
        item.is_rental_blocked = blocked
        item.rental_block_reason = remarks if blocked else None
        item.rental_blocked_at, item.rental_blocked_by = (now, who.id) if blocked else (None, None)
        item.updated_by = who.name
        session.add(_entry(BlockedEntity.ITEM, item.id, who, blocked=blocked, remarks=remarks, now=now))
    return BlockResult(
        *(item.id, item.item_name, blocked, item.rental_block_reason),
        *(item.rental_blocked_at, item.rental_blocked_by, before, _message(before, blocked)),
    )


def set_all_blocked(
    session: Session, ids: Iterable[uuid.UUID], who: Who, *, blocked: bool, remarks: str
) -> BlockResults:
    """Block or unblock many items, each once; missing ones are named and stop no other."""
    wanted = dict.fromkeys(ids)
    locked = select(Item).where(Item.id.in_(wanted)).order_by(Item.id).with_for_update()  # in one order: no deadlock
    found = {item.id: item for item in session.scalars(locked)}
    outcomes = BlockResults()
    for each in wanted:
        if each in found:
            outcomes.successful_changes.append(set_blocked(session, found[each], who, blocked=blocked, remarks=remarks))
        else:
            outcomes.failed_changes.append({"item_id": each, "error": "There is no such item."})
    return outcomes


def _entry(kind: BlockedEntity, id: uuid.UUID, who: Who, *, blocked: bool, remarks: str, now: datetime) -> RentalBlock:
    did = {"blocked_by": who.id, "blocked_at": now, "block_reason": remarks}
    undid = {"unblocked_by": who.id, "unblocked_at": now, "unblock_reason": remarks}
    made = {"created_by": who.name, "updated_by": who.name}
    return RentalBlock(entity_type=kind, entity_id=id, is_blocked=blocked, **(did if blocked else undid), **made)


def _message(before: bool, blocked: bool) -> str:
    said = "blocked from renting" if blocked else "free for renting"
    return f"The item is {said} already." if before is blocked else f"The item is {said} now."
