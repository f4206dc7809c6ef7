"""Backups of the database."""

import uuid
from typing import Unpack

from flask import Blueprint
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra.audit_outbox import SecurityEvent
from ...infra.postgres.backups import ProgramsMissing
from ...web.endpoint.context import current_services
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.streams import Stream, of_file
from ...web.query import projection
from ...web.query.paging import Page
from ..business.schemas import SignedBy
from ..models import SystemBackup
from ..needs import BROWSE, CHANGE
from . import service as backups
from .lists import BACKUPS
from .schemas import BackupSchema, NewBackup

MAKE, MANAGE = "SYSTEM_BACKUP", "BACKUP_MANAGE"

bp = Blueprint("backups", __name__, url_prefix="/api/system/backups")


@bp.get("/")
@endpoint(needs=BROWSE.fresh(), permission=MAKE, query=BACKUPS.takes, returns=BACKUPS.returns)
def browse(session: Session, **filters: object) -> Page:
    """List backups. The newest backup comes first."""
    return BACKUPS.page(session, {**filters, "is_active": True})


@bp.get("/<uuid:id>")
@endpoint(needs=BROWSE.fresh(), permission=MAKE, returns=BackupSchema())
def show(session: Session, id: uuid.UUID) -> bytes:
    """Show a backup and its progress."""
    return projection.one(session, BackupSchema, SystemBackup, id)


@bp.post("/")
@endpoint(needs=CHANGE, permission=MAKE, query=SignedBy(), accepts=NewBackup(), returns=BackupSchema(), status=201)
def ask(session: Session, actor: Actor, **fields: Unpack[backups.BackupValues]) -> SystemBackup:
    """Create a backup. Nothing is dumped before the backup is started."""
    return backups.ask(session, actor, fields)


@bp.post("/<uuid:id>/start")
@endpoint(needs=CHANGE, permission=MAKE, returns=BackupSchema(), raises=(ProgramsMissing,))
def start(session: Session, actor: Actor, id: uuid.UUID) -> SystemBackup:
    """Start a backup. It runs in the background."""
    return backups.start(session, current_services().backups, current_services().database, id=id, actor=actor)


@bp.post("/<uuid:id>/cancel")
@endpoint(needs=CHANGE, permission=MAKE, returns=BackupSchema())
def cancel(session: Session, actor: Actor, id: uuid.UUID) -> SystemBackup:
    """Cancel a backup that is not finished."""
    return backups.cancel(session, id, actor)


@bp.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission=MANAGE)
def remove(session: Session, actor: Actor, id: uuid.UUID) -> None:
    """Delete a backup and its file."""
    backups.remove(session, current_services().backups, id, actor)


@bp.get("/<uuid:id>/download")
@endpoint(needs=CHANGE, permission=MANAGE, media=("application/octet-stream",), secret=True)
def download(session: Session, actor: Actor, id: uuid.UUID) -> Stream:
    """Download the file of a finished backup. `pg_restore` reads the file. Each download is logged."""
    name = backups.require_file(session, current_services().backups, id)
    services = current_services()
    services.audit_outbox.write(SecurityEvent(actor=actor, action="DOWNLOAD", resource="backups", resource_id=str(id)))
    return of_file(current_services().backups.path(id), name)
