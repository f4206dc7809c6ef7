"""The tables of accounts."""

import uuid
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Table, Text, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from ..models import Audited, Model, Retirable


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
    user_type: Mapped[str] = mapped_column(String(20), default="USER")
    phone: Mapped[str | None] = mapped_column(String(20))
    avatar_url: Mapped[str | None] = mapped_column(String(500))
    bio: Mapped[str | None] = mapped_column(Text)
    last_login: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    email_verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Role(Audited, Model):
    """A named set of permissions."""

    __tablename__ = "roles"

    name: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    description: Mapped[str | None] = mapped_column(Text)
    is_system_role: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)


class Permission(Retirable, Model):
    """Something one may be allowed to do, such as CUSTOMER_VIEW."""

    __tablename__ = "permissions"

    name: Mapped[str] = mapped_column(String(100), unique=True, index=True)
    description: Mapped[str | None] = mapped_column(Text)
    resource: Mapped[str] = mapped_column(String(50))
    action: Mapped[str] = mapped_column(String(50))
    risk_level: Mapped[str] = mapped_column(String(20), default="LOW")
    is_system_permission: Mapped[bool] = mapped_column(default=False)


user_roles = Table(
    "user_roles",
    Model.metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    Column("role_id", Uuid, ForeignKey("roles.id"), primary_key=True),
    Index("idx_user_roles_role", "role_id"),
    Index("idx_user_roles_user", "user_id"),
)

role_permissions = Table(
    "role_permissions",
    Model.metadata,
    Column("role_id", Uuid, ForeignKey("roles.id"), primary_key=True),
    Column("permission_id", Uuid, ForeignKey("permissions.id"), primary_key=True),
    Index("idx_role_permissions_permission", "permission_id"),
    Index("idx_role_permissions_role", "role_id"),
)


class UserPermission(Model):
    """A permission granted to one user directly, perhaps for a time."""

    __tablename__ = "user_permissions"
    __table_args__ = (
        Index("idx_user_permissions_permission", "permission_id"),
        Index("idx_user_permissions_user", "user_id"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    permission_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("permissions.id"), primary_key=True)
    granted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    granted_at: Mapped[datetime] = mapped_column(default=func.timezone("UTC", func.now()))
    expires_at: Mapped[datetime | None]


class RefreshToken(Audited, Model):
    """A refresh token that was given out; `token` holds its SHA-256, never the token itself."""

    __tablename__ = "refresh_tokens"

    token: Mapped[str] = mapped_column(String(500), unique=True, index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    is_active: Mapped[bool] = mapped_column(default=True)
    device_info: Mapped[str | None] = mapped_column(String(255))
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Text)


class LoginAttempt(Retirable, Model):
    """One try to sign in; `email` holds what was typed as the user name."""

    __tablename__ = "login_attempts"

    email: Mapped[str] = mapped_column(String(255), index=True)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(Text)
    success: Mapped[bool]
    attempted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    failure_reason: Mapped[str | None] = mapped_column(String(255))
