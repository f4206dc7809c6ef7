"""The list of backups."""

from ...web.query.listing import Listing
from ..models import SystemBackup
from .schemas import BackupSchema

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
