"""Who is calling, and whether they may."""

import hashlib
import uuid
from functools import lru_cache
from typing import NamedTuple

from flask import Request

from ...errors import Unauthenticated
from ...infra.identity.identity import Identity
from ...infra.identity.tokens import Claims
from .needs import SIGNED_IN


class Principal(NamedTuple):
    """The caller of a request; `offline` when only the signature of their token vouches for them.

    `scope` is that of all they ever held: answers are kept apart by it, and callers of one scope see the same.
    """

    id: uuid.UUID
    session: uuid.UUID
    username: str
    superuser: bool
    permissions: frozenset[str]
    offline: bool
    scope: str

    def may(self, permission: str) -> bool:
        """Tell whether they hold a permission; superusers hold all."""
        return self.superuser or permission == SIGNED_IN or permission in self.permissions


@lru_cache(maxsize=1024)
def _digest(permissions: frozenset[str]) -> str:
    return hashlib.blake2b("\0".join(sorted(permissions)).encode(), digest_size=16).hexdigest()


def claims_of(request: Request, identity: Identity) -> Claims:
    """Return the claims of the request's bearer token, or raise `Unauthenticated`."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("No access token was sent.", reason="missing")
    return identity.claims(token.strip())


def authenticate(request: Request, identity: Identity) -> Principal:
    """Return the caller, or raise `Unauthenticated` (401)."""
    claims = claims_of(request, identity)
    standing = identity.standing(claims)
    account = standing.account
    whole = account.whole or account
    return Principal(
        account.id,
        claims.session,
        account.username,
        account.superuser,
        account.permissions,
        standing.offline,
        "superuser" if whole.superuser else _digest(whole.permissions),
    )
