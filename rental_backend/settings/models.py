"""The tables of the company, its settings and its records."""

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, case, cast, func, null, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from ..models import Model, Retirable, one_of


class SettingType(enum.StrEnum):
    """What the text of a setting stands for."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    JSON = "JSON"
    DATE = "DATE"
    DATETIME = "DATETIME"


class SettingCategory(enum.StrEnum):
    """Where a setting is shown."""

    GENERAL = "GENERAL"
    BUSINESS = "BUSINESS"
    FINANCIAL = "FINANCIAL"
    INVENTORY = "INVENTORY"
    RENTAL = "RENTAL"
    NOTIFICATION = "NOTIFICATION"
    SECURITY = "SECURITY"
    INTEGRATION = "INTEGRATION"
    REPORTING = "REPORTING"
    SYSTEM = "SYSTEM"


class BackupType(enum.StrEnum):
    """How much a backup holds."""

    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"
    DIFFERENTIAL = "DIFFERENTIAL"


class BackupStatus(enum.StrEnum):
    """How far a backup has come."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class AuditAction(enum.StrEnum):
    """What was done."""

    CREATE = "CREATE"
    READ = "READ"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    EXPORT = "EXPORT"
    IMPORT = "IMPORT"
    BACKUP = "BACKUP"
    RESTORE = "RESTORE"


class Company(Retirable, Model):
    """A company in whose name business is done."""

    __tablename__ = "companies"
    __table_args__ = (Index("idx_company_name_active", "company_name", "is_active"),)

    company_name: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    address: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(50))
    gst_no: Mapped[str | None] = mapped_column(String(50), unique=True, index=True)
    registration_number: Mapped[str | None] = mapped_column(String(100), unique=True, index=True)


class SystemSetting(Retirable, Model):
    """One setting: text that stands for a value of its type. System ones cannot be changed."""

    __tablename__ = "system_settings"
    __table_args__ = (
        Index("idx_system_setting_category", "setting_category"),
        Index("idx_system_setting_display_order", "display_order"),
        Index("idx_system_setting_system", "is_system"),
        Index("idx_system_setting_type", "setting_type"),
    )

    setting_key: Mapped[str] = mapped_column(String(100), unique=True, index=True)
    setting_name: Mapped[str] = mapped_column(String(200))
    setting_type: Mapped[SettingType] = mapped_column(one_of(SettingType))
    setting_category: Mapped[SettingCategory] = mapped_column(one_of(SettingCategory))
    setting_value: Mapped[str | None] = mapped_column()
    default_value: Mapped[str | None] = mapped_column()
    description: Mapped[str | None]
    is_system: Mapped[bool] = mapped_column(default=False)
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    validation_rules: Mapped[dict[str, Any] | None]
    display_order: Mapped[str] = mapped_column(String(10), default="0")
    # What is shown of it: of a secret there is no value.
    shown_value: Mapped[str | None] = column_property(case((is_sensitive, null()), else_=setting_value), deferred=True)
    shown_default: Mapped[str | None] = column_property(
        case((is_sensitive, null()), else_=default_value), deferred=True
    )


Company.currency_code = column_property(
    func.coalesce(
        select(SystemSetting.setting_value).where(SystemSetting.setting_key == "currency").scalar_subquery(), "INR"
    ),
    deferred=True,
)


class SystemBackup(Retirable, Model):
    """A backup that was started; its size and retention are text, as production has them."""

    __tablename__ = "system_backups"
    __table_args__ = (
        Index("idx_system_backup_completed_at", "completed_at"),
        Index("idx_system_backup_name", "backup_name"),
        Index("idx_system_backup_started_at", "started_at"),
        Index("idx_system_backup_started_by", "started_by"),
        Index("idx_system_backup_status", "backup_status"),
        Index("idx_system_backup_type", "backup_type"),
    )

    backup_name: Mapped[str] = mapped_column(String(200))
    backup_type: Mapped[BackupType] = mapped_column(one_of(BackupType))
    backup_status: Mapped[BackupStatus] = mapped_column(one_of(BackupStatus), default=BackupStatus.PENDING)
    backup_path: Mapped[str | None] = mapped_column(String(500))
    backup_size: Mapped[str | None] = mapped_column(String(20))
    started_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime] = mapped_column(default=func.now())
    completed_at: Mapped[datetime | None]
    error_message: Mapped[str | None]
    retention_days: Mapped[str] = mapped_column(String(10), default="30")
    description: Mapped[str | None]
    backup_metadata: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    size: Mapped[int | None] = column_property(
        cast(func.substring(backup_size, "^[0-9]{1,18}$"), BigInteger), deferred=True
    )
    progress: Mapped[int | None] = column_property(backup_metadata["percent"].as_integer(), deferred=True)
    sha256: Mapped[str | None] = column_property(backup_metadata["sha256"].as_string(), deferred=True)


class AuditLog(Retirable, Model):
    """One change of any row, with what it held before and after."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        Index("idx_audit_log_action", "action"),
        Index("idx_audit_log_created_at", "created_at"),
        Index("idx_audit_log_entity_id", "entity_id"),
        Index("idx_audit_log_entity_type", "entity_type"),
        Index("idx_audit_log_ip_address", "ip_address"),
        Index("idx_audit_log_session_id", "session_id"),
        Index("idx_audit_log_success", "success"),
        Index("idx_audit_log_user_id", "user_id"),
    )

    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[AuditAction] = mapped_column(one_of(AuditAction, 50))
    entity_type: Mapped[str | None] = mapped_column(String(100))
    entity_id: Mapped[uuid.UUID | None]
    old_values: Mapped[dict[str, Any] | None]
    new_values: Mapped[dict[str, Any] | None]
    ip_address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None]
    session_id: Mapped[str | None] = mapped_column(String(100))
    success: Mapped[bool]
    error_message: Mapped[str | None]
    audit_metadata: Mapped[dict[str, Any] | None]
