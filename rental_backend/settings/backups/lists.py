"""The list of backups."""

from ...web.query.listing import Listing
from ..models import SystemBackup
from .schemas import BackupQuery, BackupSchema

BACKUPS = Listing(
    SystemBackup,
    BackupSchema,
    order=(SystemBackup.created_at.desc(), SystemBackup.id.desc()),
    query=BackupQuery,
    search=(SystemBackup.backup_name,),
    filters=("backup_type", "backup_status", "started_by"),
)
