"""What is listed: settings, companies, backups, and the log of changes."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, func, or_

from ...accounts.models import SecurityAuditLog
from ...infra import AUTH, DATABASE, REDIS
from ...web.endpoint.needs import Needs
from ...web.query.listing import Listing
from ...web.resource.resource import Permissions, Resource
from ..backups.schemas import AuditLogSchema, BackupSchema
from ..models import Company, SystemBackup, SystemSetting
from .schemas import CompanyQuery, CompanySchema, SettingSchema

BOTH = ("settings", "companies")  # our company is shown with the currency, and under both
BROWSE = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=3600, touches=BOTH)
CHANGE = Needs(DATABASE, AUTH, optional=(REDIS,), offline=False, touches=BOTH)
KNOWN = Needs(optional=(AUTH,))  # this worker knows it, whatever is away
FOLLOWED = Needs(optional=(AUTH, DATABASE))  # the settings as this worker last knew them
SEE, SET = "SYSTEM_CONFIG", "SYSTEM_CONFIG_UPDATE"


def _contains(column: Any) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    return lambda text: func.strpos(func.lower(column), func.lower(text)) > 0


COMPANIES = Resource(
    name="companies",
    prefix="/api/company",
    model=Company,
    schema=CompanySchema,
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions(SEE, SET, SET, SET),
    retires=False,
    query=CompanyQuery,
    order=(Company.company_name.asc(), Company.id.asc()),
    search=(Company.company_name, Company.email, Company.gst_no),
    filters=("gst_no", "registration_number"),
    conditions={"company_name": _contains(Company.company_name), "email": _contains(Company.email)},
    sorts=("company_name", "created_at"),
    pages=True,
)

SETTINGS = Listing(
    SystemSetting,
    SettingSchema,
    order=(
        SystemSetting.setting_category.asc(),
        func.length(SystemSetting.display_order).asc(),
        SystemSetting.display_order.asc(),
        SystemSetting.setting_key.asc(),
    ),
    filters={
        "category": SystemSetting.setting_category.__eq__,
        "include_system": lambda wanted: or_(wanted, SystemSetting.is_system.is_(False)),
        "is_active": SystemSetting.is_active.__eq__,
    },
)

BACKUPS = Listing(
    SystemBackup,
    BackupSchema,
    order=(SystemBackup.created_at.desc(), SystemBackup.id.desc()),
    search=(SystemBackup.backup_name,),
    filters={
        "backup_type": SystemBackup.backup_type.__eq__,
        "backup_status": SystemBackup.backup_status.__eq__,
        "started_by": SystemBackup.started_by.__eq__,
        "is_active": SystemBackup.is_active.__eq__,
    },
)

_log = SecurityAuditLog
# D58: changes go into the security audit log.
AUDIT_LOG = Listing(
    _log,
    AuditLogSchema,
    order=(_log.timestamp.desc(), _log.id.desc()),
    search=(_log.user_name, _log.action, _log.resource),
    filters={
        "user_id": _log.user_id.__eq__,
        "action": _log.action.__eq__,
        "entity_type": _log.resource.__eq__,
        "entity_id": _log.resource_id.__eq__,
        "success": _log.success.__eq__,
        "start_date": _log.timestamp.__ge__,
        "end_date": _log.timestamp.__le__,
        "id": _log.id.__eq__,
    },
)
