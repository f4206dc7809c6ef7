"""The wire forms of backups."""

from marshmallow import ValidationError, fields

from ...fields import Choice, Text, Whole
from ...schemas import Output, Paging, Payload
from ..models import BackupStatus, BackupType


class BackupSchema(Output):
    """A backup, with its size in bytes and its progress in percent."""

    id = fields.UUID()
    backup_name = fields.String()
    backup_type = fields.String()
    backup_status = fields.String()
    backup_path = fields.String()
    backup_size = fields.Integer(attribute="size")
    started_by = fields.UUID()
    started_at = fields.AwareDateTime()
    completed_at = fields.AwareDateTime()
    error_message = fields.String()
    retention_days = fields.String()
    description = fields.String()
    progress = fields.Integer()
    sha256 = fields.String()
    backup_metadata = fields.Raw()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class BackupQuery(Paging):
    """Filters for the list of backups."""

    backup_type = Choice(BackupType)
    backup_status = Choice(BackupStatus)
    started_by = fields.UUID()


# D60: a backup is always whole.
def _whole(kind: BackupType) -> None:
    if kind is not BackupType.FULL:
        raise ValidationError("Every backup holds everything: only FULL ones can be made.")


class NewBackup(Payload):
    """A new backup. It is kept for `retention_days`, or as long as the settings say."""

    backup_name = Text(200, 1, required=True)
    backup_type = Choice(BackupType, load_default=BackupType.FULL, validate=_whole)
    description = Text(2000)
    retention_days = Whole(1, 3650)
