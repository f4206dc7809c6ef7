"""The state machine by itself: pure functions of a word, a policy and a time."""

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from rental_backend.resilience import Counts, Operator, Policy, State, Transition
from rental_backend.resilience.state_machine import (
    GENERATION_MASK,
    PackedState,
    due,
    expired,
    pause,
    reason_to_open,
    retry_after,
)

WEEK = 7 * 86_400.0


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("generation", [0, 1, GENERATION_MASK])
@pytest.mark.parametrize("until", [0.0, 0.001, 1000.5, 52 * WEEK])
def test_a_word_fits_eight_bytes_and_comes_back(state: State, generation: int, until: float) -> None:
    """State, generation and time are kept to the millisecond in one signed word."""
    current = PackedState(state, generation, until)
    assert 0 <= current.pack() < 2**63
    assert PackedState.unpack(current.pack()) == current


def test_times_are_cut_to_milliseconds() -> None:
    """What is finer is dropped, and no millisecond is lost to the nature of floats."""
    assert PackedState.unpack(PackedState(State.OPEN, 0, 1.2349).pack()).until == 1.234
    for milliseconds in range(1_000_000, 1_003_000):
        assert PackedState.unpack(PackedState(State.OPEN, 0, milliseconds / 1000).pack()).until == milliseconds / 1000


def test_generations_begin_anew_after_the_last() -> None:
    """Eight million transitions later the numbers come round."""
    assert PackedState(State.OPEN, GENERATION_MASK).to(State.CLOSED) == PackedState(State.CLOSED, 0)
    assert PackedState(State.OPEN, 4).to(State.HALF_OPEN, 7.5) == PackedState(State.HALF_OPEN, 5, 7.5)


def test_states_have_names_and_kinds() -> None:
    """Which admit calls, which are an operator's, and how they are written."""
    assert [(each.label, each.admits, each.by_operator) for each in State] == [
        ("closed", True, False),
        ("forced-closed", True, True),
        ("metrics-only", True, True),
        ("open", False, False),
        ("half-open", False, False),
        ("forced-open", False, True),
    ]


@pytest.mark.parametrize(
    ("counts", "consecutive", "reason"),
    [
        (Counts(), 0, None),
        (Counts(0, 5), 5, None),
        (Counts(0, 5), 6, "6 failures in a row"),
        (Counts(0, 6), 7, "7 failures in a row"),
        (Counts(13, 6), 4, None),
        (Counts(15, 5), 4, None),
        (Counts(14, 6), 4, "6 of 20 calls failed"),
        (Counts(71, 29), 4, None),
        (Counts(70, 30), 4, "30 of 100 calls failed"),
        (Counts(19, 0, 19), 0, None),
        (Counts(20, 0, 15), 0, None),
        (Counts(20, 0, 16), 0, "16 of 20 calls were slow"),
        (Counts(10, 10, 20), 4, "10 of 20 calls failed"),
    ],
)
def test_when_a_closed_breaker_must_open(counts: Counts, consecutive: int, reason: str | None) -> None:
    """By a row, by the rate or by slowness, at the threshold and not one call earlier."""
    assert reason_to_open(Policy(), counts, consecutive) == reason


def test_pauses_double_up_to_the_most() -> None:
    """However many openings there were, and then by the jitter."""
    policy = Policy()
    assert [pause(policy, openings, 1.0) for openings in (0, 1, 2, 3, 4, 10**6)] == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]
    assert pause(policy, 9, 1.2) == pytest.approx(3.6)


@pytest.mark.parametrize("state", State)
def test_when_a_probe_is_due(state: State) -> None:
    """Open at its time, half-open when the lease has run out, and never otherwise."""
    probed = state in (State.OPEN, State.HALF_OPEN)
    assert not due(PackedState(state, 1, 10.0), 9.999)
    assert due(PackedState(state, 1, 10.0), 10.0) is probed
    assert due(PackedState(state, 1), 10.0) is probed


@pytest.mark.parametrize("state", State)
def test_what_follows_an_order(state: State) -> None:
    """An operator's state ends with its TTL, if it has one; no other state ends by time alone."""
    after = {
        State.FORCED_CLOSED: PackedState(State.CLOSED, 2),
        State.METRICS_ONLY: PackedState(State.CLOSED, 2),
        State.FORCED_OPEN: PackedState(State.OPEN, 2, 10.0),
    }
    assert expired(PackedState(state, 1, 10.0), 9.999) is None
    assert expired(PackedState(state, 1, 10.0), 10.0) == after.get(state)
    assert expired(PackedState(state, 1), 10.0) is None


@pytest.mark.parametrize(
    ("current", "seconds"),
    [
        (PackedState(State.CLOSED), 0.0),
        (PackedState(State.FORCED_CLOSED, 1, 99.0), 0.0),
        (PackedState(State.METRICS_ONLY, 1, 99.0), 0.0),
        (PackedState(State.OPEN, 1, 12.5), 2.5),
        (PackedState(State.OPEN, 1, 9.0), 0.0),
        (PackedState(State.HALF_OPEN, 1, 11.0), 1.0),
        (PackedState(State.FORCED_OPEN, 1, 70.0), 60.0),
        (PackedState(State.FORCED_OPEN, 1), 3.0),
    ],
)
def test_when_it_is_worth_asking_again(current: PackedState, seconds: float) -> None:
    """At once while calls are admitted, else when a probe may close it; an order without an end says now and then."""
    assert retry_after(current, Policy(), 10.0) == seconds


@pytest.mark.parametrize("kind", [Policy, Counts, PackedState, Operator, Transition])
def test_what_is_told_does_not_change(kind: type[Any]) -> None:
    """Values are frozen and have no place for anything else."""
    value = kind(**{field.name: 1 for field in fields(kind)})
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(kind)[0].name, 2)
    assert not hasattr(value, "__dict__")


def test_a_policy_is_written_with_names() -> None:
    """Eleven numbers in a row would tell nobody anything."""
    with pytest.raises(TypeError):
        Policy(6)  # type: ignore[misc]
