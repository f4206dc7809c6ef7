"""The tables of accounts."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..models import Audited, Model, Retirable, in_order, one_of


class UserType(enum.StrEnum):
    """What kind of user somebody is; what one may do is said by roles and permissions."""

    SUPERADMIN = "SUPERADMIN"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    USER = "USER"
    CUSTOMER = "CUSTOMER"


class RiskLevel(enum.StrEnum):
    """How much harm a permission can do."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class User(Audited, Model):
    """Somebody who can sign in. `password` holds an argon2id hash, or the predecessor's bcrypt one."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    password: Mapped[str] = mapped_column(String(255))
    full_name: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_superuser: Mapped[bool] = mapped_column(default=False)
    is_verified: Mapped[bool] = mapped_column(default=False)
    user_type: Mapped[UserType] = mapped_column(one_of(UserType), default=UserType.USER)
    phone: Mapped[str | None] = mapped_column(String(20))
    avatar_url: Mapped[str | None] = mapped_column(String(500))
    bio: Mapped[str | None]
    last_login: Mapped[datetime | None]
    email_verified_at: Mapped[datetime | None]

    profile: Mapped["UserProfile | None"] = relationship(lazy="raise", back_populates="user")
    roles: Mapped[list["Role"]] = relationship(lazy="raise", secondary="user_roles")
    grants: Mapped[list["UserPermission"]] = relationship(lazy="raise", foreign_keys="UserPermission.user_id")


class UserProfile(Retirable, Model):
    """What users tell about themselves, and how they want to be shown things."""

    __tablename__ = "user_profiles"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), unique=True)
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    date_of_birth: Mapped[datetime | None]
    gender: Mapped[str | None] = mapped_column(String(10))
    address_line1: Mapped[str | None] = mapped_column(String(255))
    address_line2: Mapped[str | None] = mapped_column(String(255))
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    country: Mapped[str | None] = mapped_column(String(100))
    website: Mapped[str | None] = mapped_column(String(500))
    linkedin: Mapped[str | None] = mapped_column(String(500))
    twitter: Mapped[str | None] = mapped_column(String(500))
    github: Mapped[str | None] = mapped_column(String(500))
    timezone: Mapped[str | None] = mapped_column(String(50))
    language: Mapped[str | None] = mapped_column(String(10))
    theme: Mapped[str | None] = mapped_column(String(20))
    email_notifications: Mapped[bool] = mapped_column(default=True)
    sms_notifications: Mapped[bool] = mapped_column(default=False)
    push_notifications: Mapped[bool] = mapped_column(default=True)

    user: Mapped[User] = relationship(lazy="raise", back_populates="profile")


class Role(Audited, Model):
    """A named set of permissions."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    description: Mapped[str | None]
    is_system_role: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)

    permissions: Mapped[list["Permission"]] = relationship(lazy="raise", secondary="role_permissions")


class Permission(Retirable, Model):
    """Something one may be allowed to do, such as CUSTOMER_VIEW."""

    __tablename__ = "permissions"

    name: Mapped[str] = mapped_column(String(100), unique=True, index=True)
    description: Mapped[str | None]
    resource: Mapped[str] = mapped_column(String(50))
    action: Mapped[str] = mapped_column(String(50))
    risk_level: Mapped[RiskLevel] = mapped_column(one_of(RiskLevel), default=RiskLevel.LOW)
    is_system_permission: Mapped[bool] = mapped_column(default=False)


user_roles = Table(
    "user_roles",
    Model.metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    Column("role_id", Uuid, ForeignKey("roles.id"), primary_key=True),
    Index("idx_user_roles_role", "role_id"),
)

role_permissions = Table(
    "role_permissions",
    Model.metadata,
    Column("role_id", Uuid, ForeignKey("roles.id"), primary_key=True),
    Column("permission_id", Uuid, ForeignKey("permissions.id"), primary_key=True),
    Index("idx_role_permissions_permission", "permission_id"),
)


class UserPermission(Model):
    """A permission granted to one user directly, perhaps for a time."""

    __tablename__ = "user_permissions"
    __table_args__ = (Index("idx_user_permissions_permission", "permission_id"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    permission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("permissions.id"), primary_key=True)
    granted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    granted_at: Mapped[datetime] = mapped_column(default=func.now())
    expires_at: Mapped[datetime | None]

    permission: Mapped[Permission] = relationship(lazy="raise")


# D32: a session is a row of refresh_tokens.
class RefreshToken(Audited, Model):
    """A session: its refresh token was given out, and `token` holds its SHA-256, never the token itself."""

    __tablename__ = "refresh_tokens"

    token: Mapped[str] = mapped_column(String(500), unique=True, index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_used_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    device_info: Mapped[str | None] = mapped_column(String(255))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None]


class SessionToken(Audited, Model):
    """A device somebody is signed in on; `token_hash` holds a digest, never the token itself."""

    __tablename__ = "session_tokens"

    token_hash: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str | None]
    device_info: Mapped[str | None] = mapped_column(String(255))
    last_activity: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    is_active: Mapped[bool] = mapped_column(default=True)
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None] = mapped_column(String(255))


class PasswordResetToken(Retirable, Model):
    """A way to a new password, good once and for an hour; `token` holds a digest."""

    __tablename__ = "password_reset_tokens"

    token: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    is_used: Mapped[bool] = mapped_column(default=False)


class LoginAttempt(Retirable, Model):
    """One try to sign in; `email` holds what was typed as the user name."""

    __tablename__ = "login_attempts"

    email: Mapped[str] = mapped_column(String(255), index=True)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str | None]
    success: Mapped[bool]
    attempted_at: Mapped[datetime] = mapped_column(index=True, server_default=func.now())
    failure_reason: Mapped[str | None] = mapped_column(String(255))


class AllowedAddress(Audited, Model):
    """An address from which one user, or with `applies_to_all` everybody, may come."""

    __tablename__ = "ip_whitelist"
    __table_args__ = (in_order("valid_from", "valid_until"),)

    ip_address: Mapped[str] = mapped_column(String(45), unique=True, index=True)
    description: Mapped[str | None] = mapped_column(String(255))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    applies_to_all: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    added_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SecurityAuditLog(Retirable, Model):
    """Something done to users, roles or permissions, by a user or (without an id) by somebody else. Append-only."""

    __tablename__ = "security_audit_logs"
    __table_args__ = (
        Index("ix_security_audit_action_resource", "action", "resource"),
        Index("ix_security_audit_resource_id", "resource", "resource_id"),
        Index("ix_security_audit_user_timestamp", "user_id", "timestamp"),
    )

    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    user_name: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(100))
    resource: Mapped[str] = mapped_column(String(100))
    resource_id: Mapped[str | None] = mapped_column(String(255))
    details: Mapped[dict[str, Any] | None]
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None]
    success: Mapped[bool]
    error_message: Mapped[str | None]
    timestamp: Mapped[datetime] = mapped_column(index=True, server_default=func.now())
