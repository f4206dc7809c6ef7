"""Where the past is kept: in memory for all workers, in a file for restarts, in the database for new instances."""

import itertools
import multiprocessing
import os
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from rental_backend.errors import Busy, ReadOnly
from rental_backend.infra.container import Services
from rental_backend.infra.postgres.database import Database
from rental_backend.infra.runtime.modes import Mode
from rental_backend.infra.status_history import (
    DAY,
    HOUR,
    ComponentStatus,
    Impact,
    Incident,
    IncidentStatus,
    StatusHistory,
    StatusRecorder,
    TooManyIncidents,
    bars,
    open_incident,
)
from rental_backend.infra.status_history.recorder import LOADED, OBSERVED, STORED
from rental_backend.infra.status_history.shared import DOCUMENT_BYTES, HistoryLock, SharedHistory
from rental_backend.infra.status_history.tables import StatusBucket, StatusIncident, load_remote, save

from .history_rows import BAD, NAMES, NOW, WELL, Past

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def database(app: Flask, session: Session) -> Database:  # noqa: ARG001 - empties the tables afterwards
    """The door to the database."""
    services: Services = app.extensions["services"]
    return services.database


def recorder(folder: Path, database: Database, levels: dict[str, ComponentStatus] = WELL) -> StatusRecorder:
    """Return a new one, as a start of the service has."""
    made = StatusRecorder(folder, database)
    made.observe_with(lambda: levels, NAMES)
    return made


def incident(name: str = "Fire", at: int = NOW) -> Incident:
    """Return an incident that somebody opened."""
    made = open_incident(name, Impact.MAJOR, ("shop",), now=at, source="")
    return made.with_update(IncidentStatus.INVESTIGATING, "It burns.", now=at, author="ada")


def test_the_file_survives_every_end(tmp_path: Path, database: Database) -> None:
    """What was seen and said before is there after a start, of which no word is needed but the file."""
    before = recorder(tmp_path, database, BAD)
    before.observe()
    before.change(lambda state: state.with_incidents(incident()))

    after = recorder(tmp_path, database)
    after.observe()

    assert after.state.incidents == before.state.incidents
    assert after.state.source == before.state.source
    assert after.state.own == before.state.own  # nobody looked between the two
    assert after.state.levels["desk"] == before.state.levels["desk"]
    assert after.state.levels["shop"][0] is ComponentStatus.OPERATIONAL
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.parametrize("rubbish", [b"", b"{}", b"null", b'{"source": "x"}', b"\xff" * 99, b'{"own": [1]}'])
def test_a_spoilt_file_stops_nothing(tmp_path: Path, database: Database, rubbish: bytes) -> None:
    """Whatever the disk made of it, the service begins a new history and keeps it."""
    (tmp_path / "status.json").write_bytes(rubbish)
    begins = recorder(tmp_path, database)

    begins.observe()

    assert begins.state.incidents == ()
    assert StatusHistory.read((tmp_path / "status.json").read_bytes()).source == begins.state.source


def test_without_a_disk_the_memory_does(database: Database) -> None:
    """Where nothing can be written, looks and orders are in force for all workers all the same."""
    begins = recorder(Path("/proc/nowhere"), database)

    begins.observe()
    begins.change(lambda state: state.with_incidents(incident()))

    assert [each.name for each in begins.state.incidents] == ["Fire"]
    assert set(begins.state.levels) == {"shop", "desk"}


def test_one_look_is_made_for_all_workers(tmp_path: Path, database: Database) -> None:
    """However many ask at once, whoever comes first looks, and the others find it done."""
    asked = FORK.Value("i", 0)
    shared = StatusRecorder(tmp_path, database)

    def count() -> dict[str, ComponentStatus]:
        with asked.get_lock():
            asked.value += 1
        return WELL

    shared.observe_with(count, NAMES)
    workers = [FORK.Process(target=shared.observe) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert asked.value == 1
    assert set(shared.state.levels) == {"shop", "desk"}


def test_more_than_there_is_room_for_is_refused(tmp_path: Path, database: Database) -> None:
    """Neither more incidents nor longer ones push others out that are open; nothing of a refused one is in force."""
    here = recorder(tmp_path, database)
    long = incident().with_update(IncidentStatus.MONITORING, "t" * 2**18, now=NOW, author="ada")
    with pytest.raises(TooManyIncidents):
        here.change(lambda state: state.with_incidents(long))
    for number in range(50):
        here.change(lambda state, number=number: state.with_incidents(incident(f"{number}")))
    before = here.state
    with pytest.raises(TooManyIncidents):
        here.change(lambda state: state.with_incidents(incident("one more")))

    assert here.state == before
    here.change(
        lambda state: state.operated(state.open[0].with_update(IncidentStatus.RESOLVED, "Out.", now=NOW, author="ada"))
    )
    assert len(here.state.open) == 49


def _say(shared: StatusRecorder, name: str) -> None:
    for number in range(16):
        shared.change(lambda state, number=number: state.with_incidents(incident(f"{name} {number}")))


def test_no_order_of_a_worker_is_lost(tmp_path: Path, database: Database) -> None:
    """Three workers that change incidents at the same time have all of it in force, and in the file."""
    shared = recorder(tmp_path, database)
    workers = [FORK.Process(target=_say, args=(shared, name)) for name in ("a", "b", "c")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(shared.state.incidents) == 48
    shared.keep(1.0)
    assert StatusHistory.read((tmp_path / "status.json").read_bytes()) == shared.state


def _hold(shared: SharedHistory, held: Event) -> None:
    with shared.lock(HistoryLock.WRITE) as ours:
        assert ours
        held.set()
        signal.pause()


def test_a_worker_that_dies_with_the_turn_wedges_nobody(tmp_path: Path, database: Database) -> None:
    """While it is stopped an order is refused in good time; as soon as it is killed the next one goes through."""
    shared = recorder(tmp_path, database)
    held = FORK.Event()
    worker = FORK.Process(target=_hold, args=(shared._shared, held))
    worker.start()
    assert held.wait(10)
    assert worker.pid
    with pytest.raises(Busy):
        shared.change(lambda state: state)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()

    shared.change(lambda state: state.with_incidents(incident()))

    assert len(shared.state.incidents) == 1


def test_a_document_is_read_whole_or_not_at_all() -> None:
    """While another process writes documents of one letter each, no reader ever sees two letters, or half of one."""
    shared = SharedHistory()

    enough = FORK.Event()

    def write() -> None:
        for number in itertools.takewhile(lambda _: not enough.is_set(), itertools.count()):
            with shared.lock(HistoryLock.WRITE, 1.0):
                shared.write(bytes([65 + number % 26]) * (1000 + number * 7 % 50_000))

    worker = FORK.Process(target=write)
    worker.start()
    seen: set[int] = set()
    while len(seen) < 200:
        version, data = shared.read()
        seen.add(version)
        assert data == data[:1] * len(data)
        assert not version or len(data) == 1000 + (version - 1) * 7 % 50_000
    enough.set()
    worker.join()

    with pytest.raises(ValueError, match="at most"):
        shared.write(b"x" * (DOCUMENT_BYTES + 1))


@pytest.fixture
def ninety_days() -> StatusHistory:
    """An instance that has seen ninety days, the last of them with an outage, and an incident."""
    now = round(time.time() * 1000)
    days = [DAY.start(now) - day * DAY.seconds for day in range(1, 90)]
    whole = dict.fromkeys(WELL, (DAY.seconds * 1000, 0, 0, 0, 0))
    past = Past(StatusHistory(own={"hour": {}, "day": dict.fromkeys(days, whole)}), now)
    return past.go(30, BAD)


def _told(database: Database, state: StatusHistory) -> None:
    save(database, state, load_remote(database, state.source), whole=True)


def test_a_new_instance_knows_what_was_before_it(
    tmp_path: Path, database: Database, ninety_days: StatusHistory
) -> None:
    """Without any file, the database tells it the whole past, which it adds to its own and keeps from then on."""
    _told(database, ninety_days)
    new = recorder(tmp_path, database)
    new.observe()

    new.exchange()

    assert new.state.source != ninety_days.source
    assert new.state.others == ninety_days.own
    new._shared.words[OBSERVED] = new._shared.words[LOADED] = 0
    new.observe()
    for _ in range(2):  # what it told itself is none of the others'
        new._shared.words[LOADED] = new._shared.words[STORED] = 0
        new.exchange()
    assert new.state.others == ninety_days.own
    assert new.state.incidents == ninety_days.incidents
    new.keep()
    assert recorder(tmp_path, database).change(lambda state: state).others == ninety_days.own


def test_what_several_saw_is_added(database: Database, tmp_path: Path, ninety_days: StatusHistory) -> None:
    """Two instances that look at the same time count twice, told twice they count once: shares stay what they are."""
    other = replace(ninety_days, source=str(uuid.uuid4()))
    for state in (ninety_days, other, ninety_days):
        _told(database, state)
    new = recorder(tmp_path, database)
    new.observe()
    new.exchange()

    one, both = (bars(DAY, "shop", round(time.time() * 1000), each.own["day"]) for each in (ninety_days, ninety_days))
    seen = bars(DAY, "shop", round(time.time() * 1000), new.state.others["day"])

    assert [bar.observed for bar in seen] == [2 * bar.observed for bar in one]
    assert [bar.up for bar in seen] == [bar.up for bar in both]


def test_instances_tell_each_other_of_incidents(database: Database, tmp_path: Path) -> None:
    """What operators say to either of two is known to both, and neither loses a word of the other."""
    now = round(time.time() * 1000)
    one, other = (recorder(tmp_path / name, database) for name in ("one", "other"))
    fire = incident(at=now)
    one.change(lambda state: state.with_incidents(fire))
    other.observe()
    for each in (one, other):
        each.exchange()
    for each, text in ((one, "We look."), (other, "It is out.")):
        each.change(lambda state, text=text: state.operated(_said(state, fire.id, text)))

    for each in (one, other, one):
        each.exchange()
        each._shared.words[LOADED] = 0

    assert one.state.incidents == other.state.incidents
    (agreed,) = one.state.incidents
    assert [each.text for each in agreed.updates] == ["It burns.", "We look.", "It is out."]


def _said(state: StatusHistory, id: str, text: str) -> Incident:
    found = state.find(id)
    assert found
    return found.with_update(IncidentStatus.MONITORING, text, now=round(time.time() * 1000), author="ada")


def test_who_is_gone_leaves_his_incident_to_others(
    database: Database, session: Session, tmp_path: Path, ninety_days: StatusHistory
) -> None:
    """An open incident that nobody has taken care of for ten minutes is watched by the next who hears of it."""
    _told(database, ninety_days)
    alive = recorder(tmp_path / "alive", database)
    alive.observe()
    alive.exchange()
    assert alive.state.detector.current is None
    session.execute(update(StatusIncident).values(seen_at=func.now() - timedelta(minutes=11)))
    session.commit()

    heir = recorder(tmp_path / "heir", database)
    heir.observe()
    heir.exchange()

    assert heir.state.detector.current == ninety_days.detector.current
    assert session.scalars(select(StatusIncident.seen_at)).one() > datetime.now(UTC) - timedelta(minutes=1)


def test_what_is_too_old_is_deleted(database: Database, session: Session, ninety_days: StatusHistory) -> None:
    """Buckets that nobody shows any more go when somebody tells; so there is an end to the table."""
    ancient = DAY.start(round(time.time() * 1000)) - 93 * DAY.seconds
    spent = {"shop": (1, 0, 0, 0, 0)}
    hours = {ancient + 92 * DAY.seconds - HOUR.seconds * 24: spent}
    old = StatusHistory(own={"hour": hours, "day": {ancient: spent}})
    _told(database, old)

    _told(database, ninety_days)

    oldest = session.scalar(select(func.min(StatusBucket.start)))
    assert oldest is not None
    assert oldest > datetime.now(UTC) - timedelta(days=92)
    sources = set(session.scalars(select(StatusBucket.source)))
    assert sources == {uuid.UUID(ninety_days.source)}


def test_what_another_version_wrote_is_passed_over(database: Database, session: Session, tmp_path: Path) -> None:
    """An incident in a shape that this version does not know hides no other, and is left as it is."""
    strange = {"id": str(uuid.uuid4()), "shape": "new"}
    session.add(StatusIncident(id=uuid.UUID(strange["id"]), document=strange))
    session.commit()
    here = recorder(tmp_path, database)
    here.change(lambda state: state.with_incidents(incident(at=round(time.time() * 1000))))

    here.exchange()

    assert len(here.state.incidents) == 1
    assert session.get(StatusIncident, uuid.UUID(strange["id"])).document == strange  # type: ignore[union-attr]
    assert len(session.scalars(select(StatusIncident.id)).all()) == 2


def test_in_read_only_mode_the_past_is_heard_all_the_same(
    build: Callable[..., Flask], database: Database, tmp_path: Path, ninety_days: StatusHistory
) -> None:
    """A fresh instance shows what was before it also while nothing may be changed, and tells when it may."""
    _told(database, ninety_days)
    app = build(JOURNAL_FOLDER=str(tmp_path), MODE="read-only")
    services: Services = app.extensions["services"]
    services.database.breaker.close()
    services.status_history.change(lambda state: state)

    with pytest.raises(ReadOnly):
        services.status_history.exchange()

    assert services.status_history.state.others == ninety_days.own
    services.modes.set(Mode.NORMAL, reason="a test", actor="ada")
    services.status_history.change(lambda state: state.with_incidents(incident(at=round(time.time() * 1000))))
    services.status_history.exchange()
    assert len(load_remote(database, ninety_days.source).incidents) == 2
