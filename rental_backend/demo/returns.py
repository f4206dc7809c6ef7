"""Returns: stock and money come back, and sometimes damage that is repaired."""

import json
from datetime import datetime
from functools import partial

from ..inventory.models import (
    DamageAssessment,
    DamageSeverity,
    DamageType,
    MovementType,
    RepairOrder,
    RepairStatus,
    UnitCondition,
    UnitStatus,
)
from ..rentals.models import (
    InspectedCondition,
    RentalItemInspection,
    RentalReturnEvent,
    ReturnEventType,
    ReturnLineDetail,
)
from .agreements import Line, Rental, Return
from .row_writer import DAMAGE_SHARES, damage_fee, late_fee
from .sample_data import DAMAGES
from .simulator import Shop, Unit, money, share

# For a piece that does not come back good: the movement, the bucket it goes to, and the status of its unit.
FATES = {
    "damaged": (MovementType.RENTAL_RETURN_DAMAGED, "damaged", UnitStatus.DAMAGED),
    "beyond_repair": (MovementType.RENTAL_RETURN_DAMAGED, "beyond_repair", UnitStatus.BEYOND_REPAIR),
    "lost": (MovementType.DAMAGE_LOSS, None, UnitStatus.RETIRED),
}


def process_return(shop: Shop, rental: Rental, back: Return, at: datetime) -> None:
    """Process a return at a moment: store it, and move the pieces to their buckets."""
    late = late_fee(shop, rental, back)
    damage = damage_fee(rental, back, "damaged", "beyond_repair")
    lost = damage_fee(rental, back, "lost")
    everything = back is rental.returns[-1]
    event = shop.loader.add(
        RentalReturnEvent,
        at,
        rental_lifecycle_id=rental.lifecycle_id,
        event_type=ReturnEventType.FULL_RETURN if everything else ReturnEventType.PARTIAL_RETURN,
        event_date=at.date(),
        processed_by=shop.clerk,
        processed_at=at,
        items_returned=json.dumps([{"line_id": line.id, "quantity": many} for line, many in back.pieces]),
        total_quantity_returned=sum(many for _, many in back.pieces),
        late_fees_charged=money(late),
        damage_fees_charged=money(damage),
        other_fees_charged=money(lost),
        refund_issued=money(max(0, rental.deposit - late) if everything else 0),
    )
    for line, many in back.pieces:
        final = rental.returned(line, at) == line.quantity
        fate = line.fate if final else "good"
        _process_line(shop, rental, event, line, (many, fate), at)
        if final and line.unit.stock.item.serialized and fate == "good":
            line.unit.status = UnitStatus.AVAILABLE
            make_available(shop, line.unit, max(back.day, rental.line_end(line, at)) + 1)


def make_available(shop: Shop, unit: Unit, day: int) -> None:
    """Make a unit available for rental from a day on."""
    shop.schedule(day, shop.at(day, 1), lambda _: unit.stock.location.free.append(unit))


def _process_line(shop: Shop, rental: Rental, event: str, line: Line, pieces: tuple[int, str], at: datetime) -> None:
    many, fate = pieces
    good = many if fate == "good" else many - 1
    fee = share(line.unit.stock.item.cost, DAMAGE_SHARES[fate])
    document = (rental.id, line.id)
    if good:
        shop.move(line.unit.stock, MovementType.RENTAL_RETURN, good, ("on_rent", "available"), at, document)
    if fate != "good":
        kind, bucket, status = FATES[fate]
        shop.move(line.unit.stock, kind, 1, ("on_rent", bucket), at, document)
        if line.unit.stock.item.serialized:
            line.unit.status = status
            line.unit.condition = UnitCondition.DAMAGED
            _assess(shop, rental, event, line, at)
        else:
            line.unit.quantity -= 1
    shop.loader.add(
        ReturnLineDetail,
        at,
        transaction_line_id=line.id,
        return_event_id=event,
        return_date=at,
        quantity_returned_good=good,
        quantity_returned_damaged=int(fate == "damaged"),
        quantity_returned_beyond_repair=int(fate == "beyond_repair"),
        quantity_lost=int(fate == "lost"),
        damage_charges=money(0 if fate == "lost" else fee),
        lost_item_charges=money(fee if fate == "lost" else 0),
    )


def _assess(shop: Shop, rental: Rental, event: str, line: Line, at: datetime) -> None:
    """Inspect a damaged piece, and order its repair if that is possible."""
    unit, text = line.unit, shop.rng.choice(DAMAGES)
    repairable = line.fate == "damaged"
    cost = share(unit.stock.item.cost, 1000)
    shop.loader.add(
        RentalItemInspection,
        at,
        return_event_id=event,
        transaction_line_id=line.id,
        quantity_inspected=1,
        condition=InspectedCondition.DAMAGED,
        inspected_by=shop.clerk,
        inspected_at=at,
        has_damage=True,
        damage_description=text,
        damage_fee_assessed=money(share(unit.stock.item.cost, DAMAGE_SHARES[line.fate])),
        replacement_required=not repairable,
        return_to_stock=False,
    )
    assessment = shop.loader.add(
        DamageAssessment,
        at,
        item_id=unit.stock.item.id,
        inventory_unit_id=unit.id,
        location_id=unit.stock.location.id,
        quantity=1,
        damage_date=at,
        damage_type=shop.rng.choice(tuple(DamageType)),
        damage_severity=DamageSeverity.MODERATE if repairable else DamageSeverity.BEYOND_REPAIR,
        damage_description=text,
        assessment_date=at,
        assessed_by=shop.clerk,
        estimated_repair_cost=money(cost) if repairable else None,
        repair_feasible=repairable,
        transaction_header_id=rental.id,
        transaction_line_id=line.id,
    )
    if repairable:
        _repair(shop, unit, assessment, (cost, rental.line_end(line, at)), at)


def _repair(shop: Shop, unit: Unit, assessment: str, terms: tuple[int, int], at: datetime) -> None:
    """Order a repair that begins in the next days and takes some more, with the status of today."""
    cost, rented_until = terms
    sent = (at.date() - shop.now.date()).days + shop.rng.randint(1, 3)
    done = sent + shop.rng.randint(3, 15)
    begins, ends = shop.at(sent, 8, 1), shop.at(done, 8, 1)
    status = RepairStatus.PENDING if sent >= 0 else RepairStatus.IN_PROGRESS if done >= 0 else RepairStatus.COMPLETED
    over = status is RepairStatus.COMPLETED
    shop.loader.add(
        RepairOrder,
        at,
        damage_assessment_id=assessment,
        item_id=unit.stock.item.id,
        inventory_unit_id=unit.id,
        quantity=1,
        repair_status=status,
        repair_start_date=begins if sent < 0 else None,
        repair_end_date=ends if over else None,
        estimated_cost=money(cost),
        repair_cost=money(cost) if over else None,
        quality_check_status="PASSED" if over else "PENDING",
        quality_check_date=ends if over else None,
        quality_check_by=shop.clerk if over else None,
    )
    shop.schedule(sent, begins, partial(_send, shop, unit))
    shop.schedule(done, ends, partial(_receive, shop, unit, max(done, rented_until) + 1))


def _send(shop: Shop, unit: Unit, at: datetime) -> None:
    unit.status = UnitStatus.UNDER_REPAIR
    shop.move(unit.stock, MovementType.SENT_FOR_REPAIR, 1, ("damaged", "under_repair"), at)


def _receive(shop: Shop, unit: Unit, day: int, at: datetime) -> None:
    unit.status, unit.condition = UnitStatus.AVAILABLE, UnitCondition.GOOD
    shop.move(unit.stock, MovementType.REPAIR_COMPLETED, 1, ("under_repair", "available"), at)
    make_available(shop, unit, day)
