"""How a call is answered while something is down, said here once more: the outage matrix takes it from the code."""

import pytest

from rental_backend.web.endpoint.needs import AUTH, DATABASE, NOTHING, REDIS, Needs

WORK = Needs(DATABASE, AUTH, optional=(REDIS,), stale_for=60, touches=("things",))
ACCOUNTS = Needs(AUTH, stale_for=60)  # the accounts themselves are what it shows
TABLE: list[tuple[Needs, set[str], bool, str]] = [
    (NOTHING, {DATABASE, AUTH, REDIS}, True, "full"),
    (WORK, set(), True, "full"),
    (WORK, {REDIS}, True, "partial"),
    (WORK, {DATABASE}, False, "stale"),
    (WORK, {DATABASE}, True, "replica"),
    (WORK, {AUTH}, False, "offline"),
    (WORK, {AUTH, REDIS}, False, "offline"),
    (WORK, {DATABASE, AUTH}, False, "stale"),
    (WORK, {DATABASE, AUTH}, True, "replica"),
    (Needs(DATABASE, AUTH), {REDIS}, False, "full"),
    (Needs(DATABASE, AUTH), {AUTH}, False, "offline"),
    (Needs(DATABASE, AUTH), {DATABASE}, False, "refuse"),
    (Needs(DATABASE, AUTH, stale_for=60, replica=False), {DATABASE}, True, "stale"),
    (Needs(DATABASE, AUTH, stale_for=60, offline=False), {AUTH}, True, "refuse"),
    (Needs(DATABASE, AUTH, stale_for=60, offline=False), {DATABASE}, False, "stale"),
    (Needs(DATABASE, AUTH, stale_for=60, offline=False), {DATABASE, AUTH}, False, "refuse"),
    (Needs(DATABASE, optional=(AUTH,)), {AUTH}, False, "offline"),
    (Needs(DATABASE, optional=(AUTH, REDIS)), {REDIS}, False, "partial"),
    (ACCOUNTS, {AUTH}, False, "stale"),
    (ACCOUNTS, {DATABASE, REDIS}, False, "full"),
    (Needs(AUTH, stale_for=60, offline=False), {AUTH}, False, "stale"),
    (Needs(AUTH), {AUTH}, False, "refuse"),
    (Needs(AUTH, offline=False), {AUTH}, False, "refuse"),
]


@pytest.mark.parametrize(("needs", "down", "replica", "how"), TABLE)
def test_an_answer_follows_from_what_is_down(needs: Needs, down: set[str], replica: bool, how: str) -> None:
    """Whatever is not needed may be away; signatures suffice where they may, and memory where it is allowed."""
    assert needs.degradation(frozenset(down), replica=replica) == how
    assert replica or needs.degradation(frozenset(down)) == how


@pytest.mark.parametrize("replica", [True, False])
def test_needs_without_memory_are_the_same_otherwise(replica: bool) -> None:
    """Only what is said to be old, and perhaps the replica's, is no answer any more."""
    fresh = WORK.fresh(replica=replica)

    assert fresh == Needs(DATABASE, AUTH, optional=(REDIS,), touches=("things",), replica=replica)
    assert Needs(AUTH, offline=False).fresh().offline is False
