"""The clients of the fault suite: readers, writers that keep a history, and somebody who needs no dependency.

They and the roads share one interpreter, whose threads wait for each other by steps of 5 ms: shorter ones keep that out
of what is measured. What is left of it shows beside, in the answers of a server that does nothing.
"""

import contextlib
import itertools
import json
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.conftest import CLERK
from tests.faults.figures import BARE
from tests.faults.history import Kind, Note
from tests.faults.load import Client, Load, Seen, at_work
from tests.faults.stage import Stage
from tests.serving import until

PAGES = ("/api/customers?limit=20", "/api/master-data/locations/", "/api/customers?limit=5", "/api/master-data/brands/")
PAUSE = 0.02
AGAIN = 3  # of so many changes one is an earlier one, sent again


@dataclass
class Writer:
    """Makes customers, each an operation with a key of its own; what is not known is sent again, by and by."""

    number: int
    crowd: "Crowd"
    open: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def work(self) -> None:
        """Write until the crowd is stopped."""
        client = Client(self.crowd.load.port, self.crowd.load.author)
        for turn in itertools.count():
            if self.crowd.load.stop.wait(PAUSE):
                return
            old = turn % AGAIN == 0 and self.open
            self._send(client, self.open.pop(0) if old else uuid.uuid4().hex[:16])

    def settle(self) -> None:
        """Send what is not known until it is."""
        client = Client(self.crowd.load.port, self.crowd.load.author)

        def settled() -> bool:
            for operation in self.open[:]:
                self.open.remove(operation)
                self._send(client, operation)
            return not self.open

        until(settled, 15, "every unknown outcome is settled")

    def _send(self, client: Client, operation: str) -> None:
        body = {"customer_code": operation, "customer_type": "BUSINESS", "business_name": operation}
        crowd = self.crowd
        crowd.notes.append(Note(self.number, operation, Kind.INVOKE))
        seen = client.ask("write", "POST", "/api/customers", json.dumps(body).encode(), {"Idempotency-Key": operation})
        kind, result = understood(seen)
        crowd.notes.append(Note(self.number, operation, kind, result))
        crowd.load.seen.append(seen)
        if kind is Kind.UNKNOWN:
            self.unknown.add(operation)
        insists = int(operation, 16) % 2 == 1  # every other refusal is taken for final, where nothing is unknown
        if kind is not Kind.OK and (insists or operation in self.unknown):
            self.open.append(operation)


def understood(seen: Seen) -> tuple[Kind, str]:
    """Return what an answer says of a change, and the id of what was made."""
    if seen.status == 201:
        return Kind.OK, str(json.loads(seen.body)["id"])
    if seen.status == 0:
        return Kind.UNKNOWN, ""
    unknown = json.loads(seen.body).get("code") in ("outcome_unknown", "request_in_progress")
    return (Kind.UNKNOWN if unknown else Kind.FAIL), ""


@dataclass
class Crowd:
    """All clients of one fault: what they saw, and the history of the changes they asked for."""

    load: Load
    notes: list[Note] = field(default_factory=list)
    writers: list[Writer] = field(default_factory=list)

    def settle(self) -> None:
        """Have every unknown outcome settled."""
        for writer in self.writers:
            writer.settle()

    def all_well(self) -> bool:
        """Whether the last answers of everybody were neither refused nor degraded."""
        return all(good(each) for each in self.load.seen[-60:])


def good(seen: Seen) -> bool:
    """Whether an answer is as if nothing had ever failed."""
    return seen.status in (200, 201) and not seen.degraded


@contextlib.contextmanager
def crowd(stage: Stage, *, readers: int = 4, writers: int = 2) -> Iterator[Crowd]:
    """Keep everybody asking within the block: the clerk reads, the administrator writes."""
    load = Load(stage.server.port, stage.sign_in(CLERK), PAUSE, stage.sign_in())
    made = Crowd(load)
    made.writers = [Writer(number, made) for number in range(writers)]
    pages = itertools.islice(itertools.cycle(PAGES), readers)
    threads = [threading.Thread(target=load.repeat, args=("read", "GET", page, lambda: None)) for page in pages]
    threads += [threading.Thread(target=writer.work) for writer in made.writers]
    threads.append(threading.Thread(target=load.repeat, args=("free", "GET", "/health/ready", lambda: None)))
    bare = Load(stage.bare, "", PAUSE, seen=load.seen, stop=load.stop)
    threads.append(threading.Thread(target=bare.repeat, args=(BARE, "GET", "/", lambda: None)))
    with prompt(), at_work(threads, load.stop):
        yield made


@contextlib.contextmanager
def prompt() -> Iterator[None]:
    """Have the threads of this process take turns quickly within the block."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def effects(stage: Stage, notes: list[Note]) -> dict[str, list[str]]:
    """Return the ids of the customers that each operation of a history made."""
    found: dict[str, list[str]] = defaultdict(list)
    with stage.admin() as admin:
        query = "SELECT business_name, id::text FROM customers WHERE business_name = ANY(%s)"
        for operation, made in admin.execute(query, [list({note.operation for note in notes})]):
            found[operation].append(made)
    return found
