"""What occupies a unit, and when: the one place that everybody who promises a unit passes."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from ...models import Identified, Model, one_of

IN_FORCE = "released_at IS NULL"


class HoldKind(enum.StrEnum):
    """Why a unit is not free: only a HOLD expires, RESERVED belongs to a booking, OUT to a rental."""

    HOLD = "HOLD"
    RESERVED = "RESERVED"
    OUT = "OUT"
    MAINTENANCE = "MAINTENANCE"
    TRANSFER = "TRANSFER"


# D29: what no two may have at once.
class UnitHold(Identified, Model):
    """A time in which a unit of one piece is promised or away; the database refuses a second one that overlaps.

    `during` includes its beginning and not its end, so that a unit can leave in the minute it came back; buffers are
    part of it when it is written, so that a changed setting invalidates nothing. Without an end it lasts until it is
    released: a unit that is overdue is promised to nobody. A HOLD past `expires_at` still excludes others (a
    constraint cannot know the time): each booking releases the expired ones of the unit in the same transaction.
    """

    __tablename__ = "unit_holds"
    __table_args__ = (
        ExcludeConstraint(
            ("inventory_unit_id", "="),
            ("during", "&&"),
            where=text(IN_FORCE),
            using="gist",
            name="unit_holds_inventory_unit_id_during_excl",
        ),
        CheckConstraint("lower(during) IS NOT NULL AND lower_inc(during) AND NOT upper_inc(during)", name="during"),
        CheckConstraint("(kind = 'HOLD') = (expires_at IS NOT NULL)", name="expires_at"),
        CheckConstraint("kind <> 'RESERVED' OR booking_line_id IS NOT NULL", name="booking_line_id"),
        CheckConstraint("kind <> 'OUT' OR transaction_line_id IS NOT NULL", name="transaction_line_id"),
        Index("ix_unit_holds_expires_at", "expires_at", postgresql_where=text(IN_FORCE)),
    )

    inventory_unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("inventory_units.id"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    kind: Mapped[HoldKind] = mapped_column(one_of(HoldKind))
    booking_line_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("booking_lines.id", ondelete="CASCADE"), index=True
    )
    transaction_line_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("transaction_lines.id"), index=True)
    expires_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str | None] = mapped_column(String(255))
