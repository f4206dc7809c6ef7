"""Break-glass: an operator's access while the accounts are unavailable, if a password hash is configured for it."""

import threading
import time
import uuid
from collections import deque

from ...actor import Actor
from ...errors import ServiceUnavailable
from ..audit_outbox import AuditOutbox, SecurityEvent
from .passwords import Passwords

ID = uuid.uuid5(uuid.NAMESPACE_URL, "rental_backend/break-glass")
TRIES, PER = 5, 60.0  # attempts per seconds, in each process
SECONDS = 900  # lifetime of the token


# D38: in no table.
class BreakGlass:
    """One account that is in no table. Every attempt to use it goes to the audit log, successful or not."""

    def __init__(self, username: str, password_hash: str, passwords: Passwords, audit_outbox: AuditOutbox) -> None:
        self.username = username
        self._hash = password_hash
        self._passwords = passwords
        self._audit_outbox = audit_outbox
        self._tries: deque[float] = deque(maxlen=TRIES)
        self._lock = threading.Lock()

    def accepts(self, username: str) -> bool:
        """Tell whether this is the name of the account, and the account is configured."""
        return bool(self._hash) and username.strip().lower() == self.username.lower()

    def verify(self, password: str, actor: Actor) -> bool:
        """Tell whether the password matches; above `TRIES` attempts in `PER` seconds it never does.

        Raises `ServiceUnavailable` if that cannot be found out; then it was no attempt.
        """
        fits = False
        try:
            fits = self._may_try() and self._passwords.verify(self._hash, password)
        except ServiceUnavailable:
            with self._lock:
                self._tries.pop()
            raise
        finally:
            event = SecurityEvent(actor=actor, action="BREAK_GLASS", resource="accounts", success=fits)
            self._audit_outbox.write(event)
        return fits

    def _may_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if len(self._tries) == TRIES and now < self._tries[0] + PER:
                return False
            self._tries.append(now)
            return True
