"""The status history in the database: what each instance observed, so that a new instance knows the past."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Uuid, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from ...models import Model
from ..postgres.database import Database
from . import incidents as incident_rules
from .buckets import DAY, HOUR, KINDS, Durations, Series
from .incidents import Incident
from .levels import COMPONENT_STATUSES
from .state import SeriesByKind, StatusHistory

TURN = 202_611_251  # PostgreSQL's advisory lock, held during an exchange
BATCH = 500
ORPHANED = timedelta(minutes=10)  # an instance that is silent for so long is gone
AGE = {HOUR.name: timedelta(seconds=HOUR.seconds * HOUR.kept), DAY.name: timedelta(seconds=DAY.seconds * DAY.kept)}


class StatusBucket(Model):
    """How many milliseconds of an hour or a day an instance observed a component in each status."""

    __tablename__ = "status_buckets"
    __table_args__ = (CheckConstraint("kind IN ('hour', 'day')", name="kind"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    component: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    operational: Mapped[int] = mapped_column(BigInteger)
    under_maintenance: Mapped[int] = mapped_column(BigInteger)
    degraded_performance: Mapped[int] = mapped_column(BigInteger)
    partial_outage: Mapped[int] = mapped_column(BigInteger)
    major_outage: Mapped[int] = mapped_column(BigInteger)


class StatusIncident(Model):
    """An incident as a document, and when an instance last maintained it."""

    __tablename__ = "status_incidents"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


COLUMNS = tuple(getattr(StatusBucket, level.value) for level in COMPONENT_STATUSES)
KEY = [StatusBucket.kind, StatusBucket.start, StatusBucket.component, StatusBucket.source]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHistory:
    """The history of other instances: observed time, incidents, and the open ones of instances that are gone."""

    others: SeriesByKind
    incidents: tuple[Incident, ...]
    orphans: frozenset[str]


def load_remote(database: Database, source: str) -> RemoteHistory:
    """Return the history of all instances except `source`. Raises `AppError` in an outage."""
    with database.reading() as session:
        return _load_remote(session, uuid.UUID(source))


def save(database: Database, state: StatusHistory, news: RemoteHistory, *, whole: bool) -> None:
    """Store what this instance observed: the newest buckets, or the `whole` history, and incidents newer than `news`.

    Raises `AppError` in an outage and in a mode without changes; the next exchange makes up for it.
    """
    with database.transaction() as session:
        session.execute(select(func.pg_advisory_xact_lock(TURN)))
        _forget(session)
        _store_buckets(session, state, whole=whole)
        _store_incidents(session, state, news)


def _load_remote(session: Session, source: uuid.UUID) -> RemoteHistory:
    sums = [func.sum(column) for column in COLUMNS]
    key = StatusBucket.kind, StatusBucket.start, StatusBucket.component
    others: dict[str, Series] = {kind.name: {} for kind in KINDS}
    for kind, start, component, *spent in session.execute(
        select(*key, *sums).where(StatusBucket.source != source).group_by(*key)
    ):
        bucket = others[kind].setdefault(int(start.timestamp()), {})
        bucket[component] = tuple(map(int, spent))
    orphaned = StatusIncident.seen_at < func.now() - ORPHANED
    rows = session.execute(select(StatusIncident.document, orphaned).order_by(StatusIncident.id)).all()
    read = [(_read(document), gone) for document, gone in rows]
    known = tuple(incident for incident, _ in read if incident)
    orphans = frozenset(incident.id for incident, gone in read if incident and gone)
    return RemoteHistory(others=others, incidents=known, orphans=orphans)


def _read(document: Mapping[str, object]) -> Incident | None:
    """Read an incident; None if another version of the program wrote it in a way that this one cannot read."""
    try:
        return Incident.read(document)
    except (ValueError, KeyError, TypeError):
        return None


def _store_buckets(session: Session, state: StatusHistory, *, whole: bool) -> None:
    rows = [row for kind in KINDS for row in _rows(kind.name, state, whole=whole)]
    statement = insert(StatusBucket)
    given = {column.key: getattr(statement.excluded, column.key) for column in COLUMNS}
    for first in range(0, len(rows), BATCH):
        session.execute(
            statement.values(rows[first : first + BATCH]).on_conflict_do_update(index_elements=KEY, set_=given)
        )


def _rows(kind: str, state: StatusHistory, *, whole: bool) -> Iterable[dict[str, Any]]:
    """Yield the rows of our own buckets; without `whole` only the last two buckets, since no others can have grown."""
    series = state.own[kind]
    for start in sorted(series)[0 if whole else -2 :]:
        for component, spent in series[start].items():
            at = datetime.fromtimestamp(start, UTC)
            key = {"kind": kind, "start": at, "component": component, "source": uuid.UUID(state.source)}
            yield {**key, **_columns(spent)}


def _columns(spent: Durations) -> Mapping[str, int]:
    return {level.value: time for level, time in zip(COMPONENT_STATUSES, spent, strict=True)}


def _store_incidents(session: Session, state: StatusHistory, news: RemoteHistory) -> None:
    """Store the incidents that changed, and a sign of life for the one that this instance maintains."""
    theirs = {incident.id: incident for incident in news.incidents}
    for incident in state.incidents:
        known = theirs.get(incident.id)
        whole = incident_rules.merged(incident, known) if known else incident
        if whole != known or incident.id == state.detector.current:
            statement = insert(StatusIncident).values(id=uuid.UUID(whole.id), document=whole.document())
            changed = {"document": statement.excluded.document, "seen_at": func.now()}
            session.execute(statement.on_conflict_do_update(index_elements=[StatusIncident.id], set_=changed))


def _forget(session: Session) -> None:
    """Delete what is no longer shown."""
    for kind, age in AGE.items():
        session.execute(delete(StatusBucket).where(StatusBucket.kind == kind, StatusBucket.start < func.now() - age))
    session.execute(delete(StatusIncident).where(StatusIncident.seen_at < func.now() - AGE[DAY.name]))
