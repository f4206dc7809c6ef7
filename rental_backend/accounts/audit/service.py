"""The append-only log of who did what to users, roles, permissions, settings and the breakers."""

from collections.abc import Mapping

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra.audit_outbox import SecurityEvent
from ..models import SecurityAuditLog


def note(
    session: Session,
    actor: Actor,
    action: str,
    resource: str,
    resource_id: object = None,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    **details: object,
) -> None:
    """Log a change in the transaction that makes it: both are there, or neither is.

    `before` and `after` hold what changed, by field; whatever is equal in both is left out. Never give a secret.
    """
    store(session, [change(actor, action, resource, resource_id, before=before, after=after, **details)])


def change(
    actor: Actor,
    action: str,
    resource: str,
    resource_id: object = None,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    **details: object,
) -> SecurityEvent:
    """Return the event of a change, as `note` logs it; many at once go to `store`."""
    if before is not None and after is not None:
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        before, after = ({name: each[name] for name in sorted(changed & set(each))} for each in (before, after))
    known = {"before": before, "after": after, **details}
    return SecurityEvent(
        actor=actor,
        action=action,
        resource=resource,
        resource_id=None if resource_id is None else str(resource_id),
        details={name: value for name, value in known.items() if value is not None},
    )


# D37: the log refuses updates and deletions.
def store(session: Session, events: list[SecurityEvent]) -> None:
    """Store events; one that is there already stays as it is."""
    session.execute(
        insert(SecurityAuditLog).on_conflict_do_nothing(index_elements=[SecurityAuditLog.id]),
        [
            {
                "id": event.id,
                "user_id": event.actor.id,
                "user_name": event.actor.name[:255],
                "action": event.action,
                "resource": event.resource,
                "resource_id": event.resource_id,
                "details": {**event.details, "request_id": event.actor.request_id},
                "ip_address": event.actor.address[:45],
                "user_agent": event.actor.user_agent,
                "success": event.success,
                "error_message": event.error,
                "timestamp": event.at,
                "is_active": True,
            }
            for event in events
        ],
    )
