"""What the security pages count: users, roles, sign-ins, and a score of how well accounts are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Select, func, select
from sqlalchemy.orm import Session

from ...infra.identity.login_throttle import LoginThrottle, account
from ...models import Model
from ..models import LoginAttempt, Permission, RefreshToken, Role, SecurityAuditLog, User, role_permissions, user_roles

DORMANT = timedelta(days=90)
RECENT = timedelta(hours=24)
MOST_USED, LATEST = 5, 10


def security_statistics(session: Session) -> dict[str, Any]:
    """Return the figures of the security page, in four statements. Today began at midnight UTC.

    `security_score` is 100 times the mean of three shares: the successful sign-ins among all of the last 24
    hours, the active users who signed in within 90 days among all active users, and the active users who are no
    superusers among all active users, one superuser not counted. Where there is nothing to count the share is 1.
    """
    figures = session.execute(_figures(datetime.now(UTC))).one()
    distribution = _distribution(session)
    return {
        "total_users": figures.users,
        "active_users": figures.active,
        "total_roles": figures.roles,
        "total_permissions": figures.permissions,
        "active_sessions": figures.sessions,
        "failed_login_attempts_today": figures.failed_today,
        "security_score": _score(figures),
        "most_used_roles": [{"role": name, "user_count": users} for name, users in distribution[:MOST_USED]],
        "role_distribution": dict(distribution),
        "permission_coverage": _coverage(session),
        "recent_security_events": _latest(session),
    }


def _figures(now: datetime) -> Select[*tuple[Any, ...]]:
    """Select all counts in one statement."""
    there = User.deleted_at.is_(None)
    active = there & User.is_active
    recent = LoginAttempt.attempted_at > now - RECENT
    today = LoginAttempt.attempted_at >= now.replace(hour=0, minute=0, second=0, microsecond=0)
    open_session = RefreshToken.is_active & (RefreshToken.expires_at > now)
    return select(
        _count(User, there).label("users"),
        _count(User, active).label("active"),
        _count(User, active & (User.last_login > now - DORMANT)).label("awake"),
        _count(User, active & User.is_superuser).label("superusers"),
        _count(Role).label("roles"),
        _count(Permission, Permission.is_active).label("permissions"),
        _count(RefreshToken, open_session).label("sessions"),
        _count(LoginAttempt, today & ~LoginAttempt.success).label("failed_today"),
        _count(LoginAttempt, recent).label("attempts"),
        _count(LoginAttempt, recent & LoginAttempt.success).label("successes"),
    )


def _count(model: type[Model], *conditions: ColumnExpressionArgument[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(model).where(*conditions).scalar_subquery()


def _score(figures: Any) -> float:
    shares = (
        figures.successes / figures.attempts if figures.attempts else 1,
        figures.awake / figures.active if figures.active else 1,
        1 - max(0, figures.superusers - 1) / figures.active if figures.active else 1,
    )
    return round(100 * sum(shares) / len(shares), 1)


def _distribution(session: Session) -> list[tuple[str, int]]:
    """Return how many users have each role, the most used first."""
    users = func.count(User.id)
    counted = (
        select(Role.name, users)
        .outerjoin(user_roles, user_roles.c.role_id == Role.id)
        .outerjoin(User, (User.id == user_roles.c.user_id) & User.deleted_at.is_(None))
        .group_by(Role.name)
        .order_by(users.desc(), Role.name)
    )
    return [(name, count) for name, count in session.execute(counted)]


def _coverage(session: Session) -> dict[str, float]:
    """Return for each resource which part of its permissions some active role has, in percent."""
    given = select(role_permissions.c.permission_id).join(Role, Role.id == role_permissions.c.role_id)
    covered = func.count().filter(Permission.id.in_(given.where(Role.is_active)))
    percent = func.round(covered * 100 / func.count(), 1)
    counted = select(Permission.resource, percent).where(Permission.is_active).group_by(Permission.resource)
    return {resource: float(share) for resource, share in session.execute(counted.order_by(Permission.resource))}


def _latest(session: Session) -> list[dict[str, Any]]:
    log = SecurityAuditLog
    columns = log.action, log.resource, log.user_name.label("user"), log.timestamp, log.success
    rows = session.execute(select(*columns).order_by(log.timestamp.desc(), log.id.desc()).limit(LATEST))
    return [dict(row) for row in rows.mappings()]


def user_security(session: Session, throttle: LoginThrottle, user: User) -> dict[str, Any]:
    """Return how a user's account stands: failed sign-ins of 24 hours, open sessions. Nobody has two factors.

    It is locked if signing in would be refused with the right password: the user is switched off, or too many tries
    were made under their name or address. Tries under the address keep out nobody who signed in from there before.
    """
    now = datetime.now(UTC)
    failed = _count(
        LoginAttempt,
        LoginAttempt.email.in_([user.username, user.email]),
        ~LoginAttempt.success,
        LoginAttempt.attempted_at > now - RECENT,
    )
    sessions = _count(
        RefreshToken, RefreshToken.user_id == user.id, RefreshToken.is_active, RefreshToken.expires_at > now
    )
    failures, open_sessions = session.execute(select(failed, sessions)).one()
    return {
        "user_id": user.id,
        "username": user.username,
        "email": user.email,
        "last_login": user.last_login,
        "failed_login_attempts": failures,
        "is_locked": not user.is_active or throttle.is_full(user.username, user.email, account(user.id, user.username)),
        "two_factor_enabled": False,
        "active_sessions": open_sessions,
    }
