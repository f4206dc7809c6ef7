"""Who does something, as the audit log and the services want it."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something and where from; `id` is None for somebody without an account."""

    id: uuid.UUID | None
    name: str
    address: str = ""
    user_agent: str = ""
    request_id: str = ""
