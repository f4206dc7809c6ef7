"""Blocking items from rental."""

import uuid

from flask import Blueprint
from sqlalchemy.orm import Session

from ... import crud as records
from ...catalog.models import Item
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.needs import Needs
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query import projection
from ...web.query.paging import Page, belonging, paged
from . import service as blocking
from .lists import BLOCKED, HISTORY
from .read_models import Rentability
from .schemas import (
    BlockChange,
    BulkBlockChange,
    BulkOutcomeSchema,
    OutcomeSchema,
    RentabilitySchema,
)
from .service import BlockResult, BlockResults, Who

BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=("items", "stock"))
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), touches=("items",))  # refuse rather than guess

bp = Blueprint("item-blocking", __name__, url_prefix="/api/master-data/items/rental-blocking")


@bp.put("/<uuid:id>/status")
@endpoint(needs=CHANGE, permission="ITEM_UPDATE", accepts=BlockChange(), returns=OutcomeSchema())
def set_status(
    session: Session, principal: Principal, id: uuid.UUID, is_rental_blocked: bool, remarks: str
) -> BlockResult:
    """Block an item from rental, or unblock it. A reason is required."""
    item, who = records.find(session, Item, id), Who(principal.id, principal.username)
    return blocking.set_blocked(session, item, who, blocked=is_rental_blocked, remarks=remarks)


@bp.put("/bulk-status")
@endpoint(needs=CHANGE, permission="ITEM_UPDATE", accepts=BulkBlockChange(), returns=BulkOutcomeSchema())
def set_all_status(
    session: Session, principal: Principal, item_ids: list[uuid.UUID], is_rental_blocked: bool, remarks: str
) -> BlockResults:
    """Block up to 100 items from rental, or unblock them.

    Unknown items are named in the answer and stop no other item.
    """
    who = Who(principal.id, principal.username)
    return blocking.set_all_blocked(session, item_ids, who, blocked=is_rental_blocked, remarks=remarks)


@bp.get("/blocked-items")
@endpoint(needs=BROWSE, permission="ITEM_VIEW", query=BLOCKED.takes, returns=BLOCKED.returns)
def browse_blocked(session: Session, **arguments: object) -> Page:
    """List blocked items. The item blocked last comes first."""
    return BLOCKED.answer(session, arguments)


@bp.get("/<uuid:id>/history")
@endpoint(needs=BROWSE, permission="ITEM_VIEW", query=HISTORY.takes, returns=HISTORY.returns)
def history(session: Session, id: uuid.UUID, **arguments: object) -> Page:
    """List the rental blocks of an item.

    Each entry tells when, why and by whom the item was blocked or unblocked, newest first.
    """
    entries = HISTORY.page(session, {**arguments, "item_id": id})
    return HISTORY.envelope.wrap(belonging(session, entries, Item, id), paged(arguments))


@bp.get("/<uuid:id>/availability")
@endpoint(needs=BROWSE, permission="ITEM_VIEW", returns=RentabilitySchema())
def availability(session: Session, id: uuid.UUID) -> bytes:
    """Show whether an item can be rented now. If it cannot, the answer says why."""
    return projection.one(session, RentabilitySchema, Rentability, id)
