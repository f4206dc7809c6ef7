"""The changes of accounts that the database itself writes down, whoever makes them and however late they commit."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from rental_backend.accounts.changes import service as changes
from rental_backend.accounts.changes.models import AccountChange
from rental_backend.accounts.models import (
    Permission,
    RefreshToken,
    Role,
    User,
    UserPermission,
    role_permissions,
    user_roles,
)
from rental_backend.infra.identity.account import Account, AccountChanges
from tests import factories
from tests.factories import permission, user

Change = Callable[[Session, User, Role], Any]
SOON = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def member(session: Session) -> tuple[User, Role]:
    """A user with a role, which holds CUSTOMER_VIEW, and with the grant of ITEM_VIEW."""
    member = user(session, permissions=("ITEM_VIEW",))
    return member, factories.role(session, member, name="CLERK", permissions=("CUSTOMER_VIEW",))


def after(session: Session, change: Callable[[], object]) -> AccountChanges:
    """Make and commit a change; return what is new since before."""
    before = changes.load(session, "").snapshot
    change()
    session.commit()
    return changes.load(session, before)


def _holds(held: str) -> Any:
    return Permission.name == held


RIGHTS: dict[str, Change] = {
    "disabled": lambda session, user, _: session.execute(
        update(User).where(User.id == user.id).values(is_active=False)
    ),
    "promoted": lambda session, user, _: session.execute(
        update(User).where(User.id == user.id).values(is_superuser=True)
    ),
    "retired": lambda session, user, _: session.execute(
        update(User).where(User.id == user.id).values(deleted_at=sqlalchemy.func.now())
    ),
    "grant given": lambda session, user, _: session.add(
        UserPermission(user_id=user.id, permission_id=permission(session, "SALE_VIEW").id)
    ),
    "grant withdrawn": lambda session, user, _: session.execute(
        delete(UserPermission).where(UserPermission.user_id == user.id)
    ),
    "grant shortened": lambda session, user, _: session.execute(
        update(UserPermission).where(UserPermission.user_id == user.id).values(expires_at=SOON)
    ),
    "role taken": lambda session, user, _: session.execute(delete(user_roles).where(user_roles.c.user_id == user.id)),
    "role emptied": lambda session, _, role: session.execute(
        delete(role_permissions).where(role_permissions.c.role_id == role.id)
    ),
    "role extended": lambda session, _, role: session.execute(
        insert(role_permissions).values(role_id=role.id, permission_id=permission(session, "SALE_VIEW").id)
    ),
    "role's permission exchanged": lambda session, _, role: session.execute(
        update(role_permissions)
        .where(role_permissions.c.role_id == role.id)
        .values(permission_id=permission(session, "SALE_VIEW").id)
    ),
    "role switched off": lambda session, _, role: session.execute(
        update(Role).where(Role.id == role.id).values(is_active=False)
    ),
    "permission switched off": lambda session, _, __: session.execute(
        update(Permission).where(_holds("CUSTOMER_VIEW")).values(is_active=False)
    ),
    "granted permission switched off": lambda session, _, __: session.execute(
        update(Permission).where(_holds("ITEM_VIEW")).values(is_active=False)
    ),
    "permission renamed": lambda session, _, __: session.execute(
        update(Permission).where(_holds("CUSTOMER_VIEW")).values(name="CUSTOMER_LOOK")
    ),
}


@pytest.mark.parametrize("kind", RIGHTS)
def test_a_change_of_rights_is_kept_however_it_is_made(session: Session, member: tuple[User, Role], kind: str) -> None:
    """Around the application too; it is read as the account is by then, and nobody else's is."""
    holder, role = member
    bystander = user(session)

    found = after(session, lambda: RIGHTS[kind](session, holder, role))

    assert set(found.accounts) == {holder.id}
    assert bystander.id not in found.accounts
    account = changes.accounts_of(session, [holder.id]).get(holder.id)
    assert found.accounts[holder.id].account == account
    assert (
        account is None
        if kind == "retired"
        else account != Account(holder.id, holder.username, True, False, frozenset({"CUSTOMER_VIEW", "ITEM_VIEW"}))
    )
    assert found.accounts[holder.id].expires > time.time() + 80 * 86_400
    assert not found.ended


def test_what_changes_no_rights_is_not_kept(session: Session, member: tuple[User, Role]) -> None:
    """A new name, a sign-in, a session that was used."""
    holder, role = member
    begun = factories.begin(session, holder)

    def change() -> None:
        session.execute(update(User).where(User.id == holder.id).values(last_login=sqlalchemy.func.now(), bio="x"))
        session.execute(update(User).where(User.id == holder.id).values(is_active=True))
        session.execute(update(Role).where(Role.id == role.id).values(description="x"))
        session.execute(update(RefreshToken).where(RefreshToken.id == begun.id).values(last_used_at=SOON))

    found = after(session, change)
    assert (found.accounts, found.ended) == ({}, {})


@pytest.mark.parametrize("how", ["ended", "deleted"])
def test_the_end_of_a_session_is_kept(session: Session, how: str) -> None:
    """With the time at which its tokens expire; a session that had expired or ended before is of no interest."""
    holder = user(session)
    live, expired = factories.begin(session, holder), factories.begin(session, holder, expires_at=datetime.now(UTC))
    over = factories.begin(session, holder, is_active=False)
    of = RefreshToken.user_id == holder.id

    def end() -> None:
        session.execute(
            delete(RefreshToken).where(of)
            if how == "deleted"
            else update(RefreshToken).where(of).values(is_active=False)
        )

    found = after(session, end)
    assert {over.id, expired.id}.isdisjoint(found.ended)
    assert found.ended == {live.id: pytest.approx(live.expires_at.timestamp(), abs=0.001)}
    assert not found.accounts


def test_a_deleted_row_of_a_user_is_kept(session: Session) -> None:
    """As somebody who is gone."""
    gone = user(session)
    found = after(session, lambda: session.execute(delete(User).where(User.id == gone.id)))
    assert found.accounts[gone.id].account is None


def test_what_commits_late_is_read_late(session: Session, engine: sqlalchemy.Engine) -> None:
    """A transaction that began before another, and commits after a look, is in the next look; each is read once."""
    early, late = user(session), user(session)
    first = changes.load(session, "").snapshot
    session.commit()
    with Session(engine) as slow:
        slow.execute(update(User).where(User.id == early.id).values(is_active=False))
        session.execute(update(User).where(User.id == late.id).values(is_active=False))
        session.commit()
        second = changes.load(session, first)
        session.commit()
        assert set(second.accounts) == {late.id}
        slow.commit()
    third = changes.load(session, second.snapshot)
    session.commit()
    assert set(third.accounts) == {early.id}
    assert not changes.load(session, third.snapshot).accounts


def test_the_last_of_many_changes_counts(session: Session) -> None:
    """An account has one entry, numbered by its last change."""
    holder = user(session)
    before = changes.load(session, "").snapshot
    for active in (False, True, False):
        session.execute(update(User).where(User.id == holder.id).values(is_active=active))
        session.commit()
    numbers = session.scalars(sqlalchemy.select(AccountChange.id).where(AccountChange.user_id == holder.id)).all()
    known = changes.load(session, before).accounts[holder.id]
    assert len(numbers) == 3
    assert (known.version, known.account and known.account.active) == (max(numbers), False)


def test_a_change_that_has_expired_is_not_read(session: Session) -> None:
    """No token is left that it concerns."""
    session.execute(insert(AccountChange).values(user_id=uuid.uuid4(), expires_at=datetime.now(UTC)))
    session.commit()
    assert not changes.load(session, "").accounts


def test_an_account_is_read_as_identity_reads_it(session: Session) -> None:
    """Grants that end come with their end, unless the user has the permission by a role as well."""
    holder = user(session, permissions=("ITEM_VIEW",))
    factories.role(session, holder, name="CLERK", permissions=("CUSTOMER_VIEW",))
    for name in ("CUSTOMER_VIEW", "SALE_VIEW"):
        session.add(UserPermission(user_id=holder.id, permission_id=permission(session, name).id, expires_at=SOON))
    over = permission(session, "RENTAL_VIEW").id
    session.add(UserPermission(user_id=holder.id, permission_id=over, expires_at=datetime.now(UTC)))
    session.commit()

    names = frozenset({"CUSTOMER_VIEW", "ITEM_VIEW", "SALE_VIEW"})
    expected = Account(
        holder.id, holder.username, True, False, names, ending=(("SALE_VIEW", pytest.approx(SOON.timestamp())),)
    )
    assert changes.accounts_of(session, [holder.id]) == {holder.id: expected}
    chief = user(session, is_superuser=True)
    assert changes.accounts_of(session, [chief.id])[chief.id].superuser
