"""What identity reads of accounts: one of them, and of all which sessions ended and whose rights changed."""

import uuid
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import ARRAY, String, func, select, text
from sqlalchemy.orm import Session

from ...infra.identity.account import Account, AccountChanges, KnownAccount
from ...infra.identity.tokens import Claims, External
from ..access.effective_permissions import effective, ending, rights
from ..models import RefreshToken, User

# One row at least, so that the snapshot is known, too.
CHANGES = """
    SELECT snapshot, id, user_id, session_id, extract(epoch FROM expires_at)::float AS expires
    FROM (SELECT pg_current_snapshot()::text AS snapshot) AS now
    LEFT JOIN account_changes ON expires_at > now() AND {unseen} ORDER BY id"""
ALL = text(CHANGES.format(unseen="true"))
# What the snapshot of before did not see: transactions that began after it, or had not ended by then.
UNSEEN = text(
    CHANGES.format(
        unseen="""transaction_id >= pg_snapshot_xmin(CAST(:before AS pg_snapshot))::text::bigint
        AND NOT pg_visible_in_snapshot(transaction_id::text::xid8, CAST(:before AS pg_snapshot))"""
    )
)


def load(session: Session, before: str) -> AccountChanges:
    """Return what changed after `before`, the snapshot of the last look ("": all). It takes three queries at most."""
    rows = session.execute(UNSEEN, {"before": before}).all() if before else session.execute(ALL).all()
    found = [row for row in rows if row.id is not None]
    ended = {row.session_id: row.expires for row in found if row.session_id is not None}
    changed = {row.user_id: row for row in found if row.session_id is None}  # the last of each user
    accounts = accounts_of(session, changed) if changed else {}
    known = {user: KnownAccount(row.id, accounts.get(user), row.expires) for user, row in changed.items()}
    return AccountChanges(ended, known, rows[0].snapshot)


def accounts_of(session: Session, users: Iterable[uuid.UUID]) -> dict[uuid.UUID, Account]:
    """Return the accounts of users as they are now; deleted users are not in it."""
    wanted = list(users)
    ends: dict[uuid.UUID, dict[str, float]] = defaultdict(dict)  # of each right the latest end
    for name, end, user in session.execute(rights(wanted)):
        ends[user][name] = max(ends[user].get(name, 0.0), float("inf") if end is None else end.timestamp())
    there = select(User.id, User.username, User.is_active, User.is_superuser).where(User.deleted_at.is_(None))
    found = {}
    for user, username, active, superuser in session.execute(there.where(User.id.in_(wanted))):
        mine = {} if superuser else ends[user]
        until = tuple(sorted((name, end) for name, end in mine.items() if end < float("inf")))
        found[user] = Account(user, username, active, superuser, frozenset(mine), ending=until)
    return found


def load_account(session: Session, claims: Claims) -> Account | None:
    """Return what the identity adapter needs to know of a user, or None if user or session is gone. One query."""
    if claims.external is not None:
        return _load_external(session, claims.external)
    names = func.array(effective([claims.user_id]).scalar_subquery(), type_=ARRAY(String))
    ends = ending(claims.user_id).scalar_subquery()
    found = session.execute(
        select(User.id, User.username, User.is_active, User.is_superuser, names, ends)
        .join(RefreshToken, RefreshToken.user_id == User.id)
        .where(RefreshToken.id == claims.session, RefreshToken.is_active, RefreshToken.expires_at > func.now())
        .where(User.id == claims.user_id, User.deleted_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    user_id, username, active, superuser, permissions, until = found
    held = frozenset() if superuser else frozenset(permissions)
    ending_ones = tuple((name, float(end)) for name, end in until or ())
    return Account(user_id, username, active, superuser, held, ending=ending_ones)


def _load_external(session: Session, external: External) -> Account | None:
    """Return the one account that another issuer names, or None if there is none, or more than one."""
    named = User.email if external.claim == "email" else User.username
    same = func.lower(named) == external.value.lower()
    found = session.scalars(select(User).where(same, User.deleted_at.is_(None)).limit(2)).all()
    if len(found) != 1:
        return None
    return accounts_of(session, [found[0].id]).get(found[0].id)
