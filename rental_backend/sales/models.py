"""The tables of the transition of rental items to sale; a sale itself is a transaction."""

import enum
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Enum, ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Model, Price, Retirable

if TYPE_CHECKING:
    from ..catalog.models import Item
    from ..parties.models import Customer


class TransitionStatus(enum.StrEnum):
    """How far a request has come."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"


class ConflictType(enum.StrEnum):
    """What stands in the way of a sale."""

    ACTIVE_RENTAL = "ACTIVE_RENTAL"
    FUTURE_BOOKING = "FUTURE_BOOKING"
    PENDING_BOOKING = "PENDING_BOOKING"
    MAINTENANCE_SCHEDULED = "MAINTENANCE_SCHEDULED"
    CROSS_LOCATION = "CROSS_LOCATION"


class ConflictSeverity(enum.StrEnum):
    """How much it stands in the way."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class ResolutionAction(enum.StrEnum):
    """What is done about a conflict."""

    CANCEL_BOOKING = "CANCEL_BOOKING"
    WAIT_FOR_RETURN = "WAIT_FOR_RETURN"
    TRANSFER_TO_ALTERNATIVE = "TRANSFER_TO_ALTERNATIVE"
    OFFER_COMPENSATION = "OFFER_COMPENSATION"
    POSTPONE_SALE = "POSTPONE_SALE"
    FORCE_SALE = "FORCE_SALE"


class SaleTransitionRequest(Retirable, Model):
    """Somebody wants a rental item to be sold."""

    __tablename__ = "sale_transition_requests"

    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), index=True)
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    request_status: Mapped[TransitionStatus] = mapped_column(
        Enum(TransitionStatus, name="transition_status"), default=TransitionStatus.PENDING
    )
    sale_price: Mapped[Price]
    effective_date: Mapped[date | None]
    conflict_summary: Mapped[dict[str, Any] | None]
    revenue_impact: Mapped[Price | None]
    approval_required: Mapped[bool] = mapped_column(default=False)
    approved_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    approval_date: Mapped[datetime | None]
    approval_notes: Mapped[str | None]
    rejection_reason: Mapped[str | None]
    processed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    item: Mapped["Item"] = relationship(lazy="raise")
    conflicts: Mapped[list["SaleConflict"]] = relationship(lazy="raise", back_populates="request")
    checkpoints: Mapped[list["TransitionCheckpoint"]] = relationship(lazy="raise")


class SaleConflict(Retirable, Model):
    """A rental or booking that stands in the way of a sale."""

    __tablename__ = "sale_conflicts"

    transition_request_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("sale_transition_requests.id", ondelete="CASCADE"), index=True
    )
    conflict_type: Mapped[ConflictType] = mapped_column(Enum(ConflictType, name="conflict_type"))
    entity_type: Mapped[str] = mapped_column(String(50))
    entity_id: Mapped[uuid.UUID]
    severity: Mapped[ConflictSeverity] = mapped_column(Enum(ConflictSeverity, name="conflict_severity"))
    description: Mapped[str | None]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id"))
    financial_impact: Mapped[Price | None]
    detected_at: Mapped[datetime] = mapped_column(default=func.now())
    resolved: Mapped[bool] = mapped_column(default=False)
    resolved_at: Mapped[datetime | None]
    resolution_action: Mapped[ResolutionAction | None] = mapped_column(Enum(ResolutionAction, name="resolution_action"))
    resolution_notes: Mapped[str | None]

    request: Mapped[SaleTransitionRequest] = relationship(lazy="raise", back_populates="conflicts")
    customer: Mapped["Customer | None"] = relationship(lazy="raise")
    resolutions: Mapped[list["SaleResolution"]] = relationship(lazy="raise", back_populates="conflict")


class SaleResolution(Retirable, Model):
    """What was done about a conflict."""

    __tablename__ = "sale_resolutions"

    conflict_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sale_conflicts.id", ondelete="CASCADE"), index=True)
    action_taken: Mapped[ResolutionAction] = mapped_column(Enum(ResolutionAction, name="resolution_action"))
    executed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    execution_status: Mapped[str] = mapped_column(String(50), default="PENDING")
    customer_notified: Mapped[bool] = mapped_column(default=False)
    customer_response: Mapped[str | None] = mapped_column(String(50))
    compensation_amount: Mapped[Price | None]
    alternative_item_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("items.id"))
    notes: Mapped[str | None]
    executed_at: Mapped[datetime | None]

    conflict: Mapped[SaleConflict] = relationship(lazy="raise", back_populates="resolutions")


class SaleNotification(Retirable, Model):
    """What a customer was told about a sale, and the answer."""

    __tablename__ = "sale_notifications"

    resolution_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sale_resolutions.id"), index=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customers.id"))
    notification_type: Mapped[str] = mapped_column(String(50))
    channel: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(50), default="PENDING")
    content: Mapped[dict[str, Any] | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    response_required: Mapped[bool] = mapped_column(default=False)
    response_deadline: Mapped[datetime | None]
    customer_response: Mapped[str | None]
    responded_at: Mapped[datetime | None]

    customer: Mapped["Customer"] = relationship(lazy="raise")


class SaleTransitionAudit(Retirable, Model):
    """One step in the history of a request."""

    __tablename__ = "sale_transition_audit"

    transition_request_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("sale_transition_requests.id"), index=True
    )
    action: Mapped[str] = mapped_column(String(100))
    actor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    actor_role: Mapped[str | None] = mapped_column(String(50))
    details: Mapped[dict[str, Any] | None]
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None]


class TransitionCheckpoint(Retirable, Model):
    """What an item was before its transition, to go back to: once, and for 24 hours."""

    __tablename__ = "transition_checkpoints"

    transition_request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sale_transition_requests.id"), index=True)
    checkpoint_data: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime | None]
    used: Mapped[bool] = mapped_column(default=False)
    used_at: Mapped[datetime | None]
