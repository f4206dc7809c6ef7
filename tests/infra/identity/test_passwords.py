"""The door to password hashing."""

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import argon2
import bcrypt
import pytest

from rental_backend.errors import Busy
from rental_backend.infra.identity import passwords as module
from rental_backend.infra.identity.passwords import NICENESS, HashUnreadable, Passwords, RetryAfterEstimate
from rental_backend.resilience import SharedMemory, budget
from tests.infra.timing import within

FORK = multiprocessing.get_context("fork")
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
OLD = bcrypt.hashpw(b"old password", bcrypt.gensalt(4)).decode()


class Watched(argon2.PasswordHasher):
    """The real hasher, which notes what it verifies."""

    def __init__(self) -> None:
        super().__init__(parallelism=module.PARALLELISM)
        self.verified: list[str] = []

    def verify(self, hash: Any, password: Any) -> Literal[True]:
        """Verify and note it."""
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.fixture
def passwords() -> Passwords:
    """A hasher with one slot."""
    return Passwords(SharedMemory(), slots=1)


def test_a_password_is_hashed_by_argon2id(passwords: Passwords) -> None:
    """The hash names its algorithm and RFC 9106's second recommendation but for its lanes, and differs each time."""
    first, second = passwords.hash("sesame"), passwords.hash("sesame")
    parameters = argon2.extract_parameters(first)
    assert first.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 1)
    assert first != second


def test_the_right_password_fits_and_no_other(passwords: Passwords) -> None:
    """Upper case, blanks and letters of all languages count."""
    stored = CHEAP.hash("Pässwörd 密碼")
    assert passwords.verify(stored, "Pässwörd 密碼")
    for wrong in ("pässwörd 密碼", "Pässwörd 密碼 ", "Pässwörd", ""):
        assert not passwords.verify(stored, wrong)


@pytest.mark.parametrize("kind", ["$2a$", "$2b$", "$2y$"])
def test_the_predecessors_hashes_fit_and_are_outdated(passwords: Passwords, kind: str) -> None:
    """A bcrypt hash still lets its owner in, and is to be replaced."""
    stored = kind + OLD[4:]
    assert passwords.verify(stored, "old password")
    assert not passwords.verify(stored, "new password")
    assert passwords.outdated(stored)


def test_a_long_password_is_compared_as_the_predecessor_did(passwords: Passwords) -> None:
    """Of a bcrypt password 72 bytes count; more are no error."""
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert passwords.verify(stored, "x" * 100)
    assert not passwords.verify(stored, "x" * 71)


def test_a_hash_is_outdated_when_it_is_weaker_than_ours(passwords: Passwords) -> None:
    """Our own hashes are kept, cheaper ones replaced at the next sign-in."""
    assert not passwords.outdated(passwords.hash("sesame"))
    assert passwords.outdated(CHEAP.hash("sesame"))


@pytest.mark.parametrize("stored", ["!", "x", "plain text", " "])
def test_what_is_no_hash_fits_no_password(passwords: Passwords, stored: str) -> None:
    """A locked account is a refusal, not an error; not even its own text fits."""
    assert not passwords.verify(stored, "sesame")
    assert not passwords.verify(stored, stored)


@pytest.mark.parametrize(
    "stored",
    ["$2b$", "$2b$04$short", "$argon2id$v=19$m=8", f"{CHEAP.hash('sesame')[:-2]}!!"],
    ids=("bcrypt", "short bcrypt", "short argon2", "damaged argon2"),  # a hash differs in each process
)
def test_a_damaged_hash_says_nothing_of_a_password(passwords: Passwords, stored: str) -> None:
    """Whether it is the right one cannot be known, so it is not called wrong."""
    with pytest.raises(HashUnreadable):
        passwords.verify(stored, "sesame")


def test_without_memory_nothing_is_called_wrong(passwords: Passwords) -> None:
    """argon2 really asks for more memory than there is."""
    endless = CHEAP.hash("sesame").replace("m=64,", f"m={2**32 - 1},")
    with pytest.raises(Busy):
        passwords.verify(endless, "sesame")
    passwords._hasher = argon2.PasswordHasher(memory_cost=2**32 - 1, parallelism=1)
    with pytest.raises(Busy):
        passwords.hash("sesame")


def test_without_a_thread_nothing_is_called_wrong(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that starts no more threads is busy."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Busy):
        passwords.verify(CHEAP.hash("sesame"), "sesame")


@pytest.mark.parametrize("stored", [None, ""])
def test_without_a_stored_hash_nothing_fits(passwords: Passwords, stored: str | None) -> None:
    """Nobody gets in as somebody who does not exist or has no password, least of all with the decoy's password."""
    assert passwords.verify(None, "sesame") is False
    assert passwords.verify(stored, "nobody has this password") is False


def test_an_unknown_user_costs_what_a_known_one_does(passwords: Passwords) -> None:
    """The time of a refusal does not tell whether an account exists: one verification of equal cost is made."""
    stored = passwords.hash("sesame")
    watched = Watched()
    passwords._hasher = watched
    for each in (stored, None, "", None):
        assert not passwords.verify(each, "wrong")
    costs = [argon2.extract_parameters(each) for each in watched.verified]
    assert costs == [costs[0]] * 4


def test_at_most_so_many_hash_at_a_time() -> None:
    """A storm of sign-ins takes its turn; the slots are all used and none is exceeded."""
    passwords = Passwords(SharedMemory(), slots=2)
    inside: list[int] = []
    most: list[int] = []
    both = threading.Barrier(2)

    def work(_: int) -> None:
        with passwords._slot():
            inside.append(1)
            both.wait(10)
            most.append(len(inside))
            both.wait(10)
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert set(most) == {2}


@pytest.mark.alone(waiting=True)
@pytest.mark.parametrize("work", ["hash", "verify", "verify nobody"])
def test_whoever_finds_no_slot_is_told_that_we_are_busy(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    """Hashing and verifying need a slot, with and without a stored hash, and give up after the wait."""
    monkeypatch.setattr(module, "WAIT", 0.2)
    stored = CHEAP.hash("sesame")
    calls: dict[str, Callable[[], object]] = {
        "hash": lambda: passwords.hash("sesame"),
        "verify": lambda: passwords.verify(stored, "sesame"),
        "verify nobody": lambda: passwords.verify(None, "sesame"),
    }
    with passwords._slot(), within(0.6, least=0.2), pytest.raises(Busy) as caught:
        calls[work]()
    assert caught.value.status == 503
    assert calls[work]() is not None


@pytest.mark.alone(waiting=True)
def test_the_wait_for_a_slot_counts_against_the_requests_budget(passwords: Passwords) -> None:
    """No request waits longer than it may, however long the queue."""
    with passwords._slot(), budget(0.1), within(0.5, least=0.1), pytest.raises(Busy):
        passwords.hash("sesame")


def test_a_slot_is_given_back_after_an_error(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong while hashing does not use up the slots."""
    monkeypatch.setattr(module, "WAIT", 0.1)
    for _ in range(3):
        with pytest.raises(UnicodeEncodeError):
            passwords.hash("\ud800")
        assert not passwords.verify("\ud800", "sesame")
        assert not passwords.verify(OLD, "\ud800")
        assert not passwords.verify(CHEAP.hash("sesame"), "\ud800")
    assert passwords.verify(OLD, "old password")


@pytest.mark.alone(waiting=True)
def test_whoever_finds_no_seat_is_turned_away_at_once() -> None:
    """Those who wait for a slot take no more threads than there are seats; the others are told to come back."""
    passwords = Passwords(SharedMemory(), slots=1, concurrent_requests=2)
    with passwords.reserve(), passwords.reserve(), within(0.1):
        for _ in range(10):
            with pytest.raises(Busy), passwords.reserve():
                pass
    with passwords.reserve():
        pass


def test_a_seat_is_given_back_after_an_error() -> None:
    """Whatever goes wrong on a seat does not use it up."""
    passwords = Passwords(SharedMemory(), slots=1, concurrent_requests=1)
    for _ in range(3):
        with pytest.raises(LookupError), passwords.reserve():
            raise LookupError


def test_a_seat_can_be_asked_for_without_taking_it() -> None:
    """Who will be refused is told so before anything is read of him; asking takes no seat."""
    passwords = Passwords(SharedMemory(), slots=1, concurrent_requests=1)
    for _ in range(3):
        passwords.require_capacity()
    with passwords.reserve(), pytest.raises(Busy):
        passwords.require_capacity()
    passwords.require_capacity()


def test_a_crowd_that_is_turned_away_does_not_come_back_together() -> None:
    """One of a few is asked to come again within five seconds; many are spread over more, half a minute at most."""
    few, many = RetryAfterEstimate(), RetryAfterEstimate()
    assert all(1 <= few.next() <= 5 for _ in range(10))
    seconds = Counter(int(many.next()) for _ in range(200))
    assert (min(seconds), max(seconds) <= 30, len(seconds) > 15) == (1, True, True)
    assert max(seconds.values()) < 50


def test_old_crowds_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a calm time one is asked to come again soon."""
    crowd = RetryAfterEstimate()
    for _ in range(200):
        crowd.next()
    monkeypatch.setattr(module, "LATELY", 0.0)
    assert all(crowd.next() <= 5 for _ in range(20))


@pytest.mark.alone(waiting=True)
def test_workers_of_a_host_take_turns() -> None:
    """What another worker hashes takes a slot here, too, until it is done or the worker is dead."""
    memory = SharedMemory()
    mine, theirs = Passwords(memory, slots=1), Passwords(memory, slots=1)
    ours, hashing = FORK.Pipe()

    def hash_for_ever() -> None:
        with theirs._slot():
            hashing.send(True)
            hashing.recv()  # nothing comes: it is killed

    worker = FORK.Process(target=hash_for_ever)
    worker.start()
    try:
        assert ours.recv()
        with budget(0.2), within(0.6, least=0.2), pytest.raises(Busy):
            mine.hash("sesame")
    finally:
        worker.kill()
        worker.join(10)
    assert mine.verify(CHEAP.hash("sesame"), "sesame")


def test_who_hashes_leaves_the_processors_to_others(passwords: Passwords) -> None:
    """The thread that hashes has a lower priority than those that answer."""
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    found = passwords._in_thread(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert (found, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) == (before + NICENESS, before)


def test_a_wrong_password_takes_as_long_whatever_hash_there_is(passwords: Passwords) -> None:
    """An account with an old and slower hash is not told from one of ours, nor from none, once one was tried."""
    slow = bcrypt.hashpw(b"sesame", bcrypt.gensalt(10)).decode()
    quick = CHEAP.hash("sesame")
    passwords._decoy = quick  # it stands for any that is quicker than the old one
    began = time.thread_time()
    bcrypt.checkpw(b"wrong", slow.encode())
    least = 0.7 * (time.thread_time() - began)
    assert not passwords.verify(slow, "wrong")
    for stored in (None, quick, slow, None):
        with within(5, least=least):
            assert not passwords.verify(stored, "wrong")
