"""Who may do what: users, roles, permissions, tokens and what is logged of them."""

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)

from .parts import AWARE, NOW, RANDOM, audited, optional, required, retirable, table

table(
    "users",
    required("username", String(50)),
    required("email", String(255)),
    required("password", String(255)),
    required("full_name", String(255)),
    optional("first_name", String(100)),
    optional("last_name", String(100)),
    required("is_active", Boolean),
    required("is_superuser", Boolean),
    required("is_verified", Boolean),
    required("user_type", String(20)),
    optional("phone", String(20)),
    optional("avatar_url", String(500)),
    optional("bio", Text),
    optional("last_login", AWARE),
    optional("email_verified_at", AWARE),
    *audited(),
    Index("ix_users_email", "email", unique=True),
    Index("ix_users_username", "username", unique=True),
)

table(
    "user_profiles",
    required("user_id", Uuid, ForeignKey("users.id")),
    optional("first_name", String(100)),
    optional("last_name", String(100)),
    optional("date_of_birth", AWARE),
    optional("gender", String(10)),
    optional("address_line1", String(255)),
    optional("address_line2", String(255)),
    optional("city", String(100)),
    optional("state", String(100)),
    optional("postal_code", String(20)),
    optional("country", String(100)),
    optional("website", String(500)),
    optional("linkedin", String(500)),
    optional("twitter", String(500)),
    optional("github", String(500)),
    optional("timezone", String(50)),
    optional("language", String(10)),
    optional("theme", String(20)),
    required("email_notifications", Boolean),
    required("sms_notifications", Boolean),
    required("push_notifications", Boolean),
    *retirable("user_profiles"),
    UniqueConstraint("user_id"),
)

table(
    "roles",
    required("name", String(50)),
    optional("description", Text),
    required("is_system_role", Boolean),
    required("is_active", Boolean),
    *audited(),
    Index("ix_roles_name", "name", unique=True),
)

table(
    "permissions",
    required("name", String(100)),
    optional("description", Text),
    required("resource", String(50)),
    required("action", String(50)),
    required("risk_level", String(20)),
    required("is_system_permission", Boolean),
    *retirable("permissions"),
    Index("ix_permissions_name", "name", unique=True),
)

table(
    "user_roles",
    required("user_id", Uuid, ForeignKey("users.id")),
    required("role_id", Uuid, ForeignKey("roles.id")),
    PrimaryKeyConstraint("user_id", "role_id"),
    Index("idx_user_roles_role", "role_id"),
    Index("idx_user_roles_user", "user_id"),
)

table(
    "role_permissions",
    required("role_id", Uuid, ForeignKey("roles.id")),
    required("permission_id", Uuid, ForeignKey("permissions.id")),
    PrimaryKeyConstraint("role_id", "permission_id"),
    Index("idx_role_permissions_permission", "permission_id"),
    Index("idx_role_permissions_role", "role_id"),
)

table(
    "user_permissions",
    required("user_id", Uuid, ForeignKey("users.id")),
    required("permission_id", Uuid, ForeignKey("permissions.id")),
    optional("granted_by", Uuid, ForeignKey("users.id")),
    required("granted_at", DateTime),
    optional("expires_at", DateTime),
    PrimaryKeyConstraint("user_id", "permission_id"),
    Index("idx_user_permissions_permission", "permission_id"),
    Index("idx_user_permissions_user", "user_id"),
)

table(
    "refresh_tokens",
    required("token", String(500)),
    required("user_id", Uuid, ForeignKey("users.id")),
    required("expires_at", AWARE),
    required("is_active", Boolean),
    optional("device_info", String(255)),
    optional("ip_address", String(45)),
    optional("user_agent", Text),
    *audited(),
    Index("ix_refresh_tokens_token", "token", unique=True),
)

table(
    "session_tokens",
    required("token_hash", String(255)),
    required("user_id", Uuid, ForeignKey("users.id")),
    required("ip_address", String(45)),
    optional("user_agent", Text),
    optional("device_info", String(255)),
    required("created_at", AWARE, server_default=NOW),
    required("last_activity", AWARE, server_default=NOW),
    required("expires_at", AWARE),
    required("is_active", Boolean),
    optional("revoked_at", AWARE),
    optional("revoke_reason", String(255)),
    required("id", Uuid, server_default=RANDOM),
    required("updated_at", AWARE, server_default=NOW),
    optional("created_by", String(255)),
    optional("updated_by", String(255)),
    optional("deleted_at", AWARE),
    optional("deleted_by", String(255)),
    PrimaryKeyConstraint("id"),
    Index("ix_session_tokens_token_hash", "token_hash", unique=True),
)

table(
    "password_reset_tokens",
    required("token", String(255)),
    required("user_id", Uuid, ForeignKey("users.id")),
    required("expires_at", AWARE),
    required("is_used", Boolean),
    *retirable("password_reset_tokens"),
    Index("ix_password_reset_tokens_token", "token", unique=True),
)

table(
    "login_attempts",
    required("email", String(255)),
    required("ip_address", String(45)),
    optional("user_agent", Text),
    required("success", Boolean),
    required("attempted_at", AWARE, server_default=NOW),
    optional("failure_reason", String(255)),
    *retirable("login_attempts"),
    Index("ix_login_attempts_email", "email"),
)

table(
    "ip_whitelist",
    required("ip_address", String(45)),
    optional("description", String(255)),
    optional("user_id", Uuid, ForeignKey("users.id")),
    required("applies_to_all", Boolean),
    required("is_active", Boolean),
    optional("valid_from", AWARE),
    optional("valid_until", AWARE),
    required("added_by", Uuid, ForeignKey("users.id")),
    required("added_at", AWARE, server_default=NOW),
    *audited(),
    Index("ix_ip_whitelist_ip_address", "ip_address", unique=True),
)

table(
    "security_audit_logs",
    required("user_id", Uuid, ForeignKey("users.id")),
    required("user_name", String(255)),
    required("action", String(100)),
    required("resource", String(100)),
    optional("resource_id", String(255)),
    optional("details", JSON),
    optional("ip_address", String(45)),
    optional("user_agent", Text),
    required("success", Boolean),
    optional("error_message", Text),
    required("timestamp", AWARE, server_default=NOW),
    *retirable("security_audit_logs"),
    Index("ix_security_audit_action_resource", "action", "resource"),
    Index("ix_security_audit_logs_action", "action"),
    Index("ix_security_audit_logs_resource", "resource"),
    Index("ix_security_audit_logs_timestamp", "timestamp"),
    Index("ix_security_audit_resource_id", "resource", "resource_id"),
    Index("ix_security_audit_user_timestamp", "user_id", "timestamp"),
)
