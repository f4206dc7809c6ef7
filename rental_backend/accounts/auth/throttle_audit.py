"""Tries that came too often, for the audit log."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from ...actor import Actor
from ...errors import AppError, TooManyAttempts
from ...infra.audit_outbox import SecurityEvent
from ...infra.container import Services
from ..models import User
from .service import find_user

ONCE_IN = 60.0  # seconds: neither one address with many names nor one name from many addresses floods the log


@contextmanager
def noted(services: Services, actor: Actor, name: str, deed: str) -> Iterator[None]:
    """Journal that a `deed` under a name was refused for coming too often: once a minute for a name and an address.

    Whose account was meant is told if it can be found out; what was typed is not kept, it may be a password.
    """
    try:
        yield
    except TooManyAttempts as refused:
        named = hashlib.blake2b(name.strip().lower().encode("utf-8", "replace"), digest_size=16).digest()
        if services.audit_outbox.is_due(("throttled", actor.address), ("throttled", named), once_in=ONCE_IN):
            meant = _holder(services, name)
            event = SecurityEvent(
                actor=actor,
                action="THROTTLED",
                resource="users",
                resource_id=str(meant.id) if meant else None,
                details={"deed": deed, "username": meant.username} if meant else {"deed": deed},
                success=False,
                error=refused.detail,
            )
            services.audit_outbox.write(event)
        raise


def _holder(services: Services, name: str) -> User | None:
    try:
        with services.identity.database.reading() as session:
            return find_user(session, name)
    except AppError:  # an outage of the accounts: the event is worth more than its name
        return None
