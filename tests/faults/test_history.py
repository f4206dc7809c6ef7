"""The checker of histories: right ones pass, and each way to be wrong is named."""

import pytest

from tests.faults.history import Kind, MalformedHistory, Note, Verdict, check

INVOKE, OK, FAIL, UNKNOWN = Kind


def history(*answers: Kind | tuple[Kind, str], operation: str = "a") -> list[Note]:
    """One client asks for one operation until the last of these answers; an OK speaks of effect 1 unless it says."""
    notes = []
    for each in answers:
        kind, result = each if isinstance(each, tuple) else (each, "1" if each is OK else "")
        notes += [Note(1, operation, INVOKE), Note(1, operation, kind, result)]
    return notes


@pytest.mark.parametrize(("answers", "made"), [
    ([OK], ["1"]),
    ([FAIL], []),
    ([FAIL, FAIL], []),
    ([FAIL, OK], ["1"]),
    ([UNKNOWN, OK], ["1"]),
    ([UNKNOWN, FAIL, UNKNOWN, OK, OK], ["1"]),
])  # fmt: skip
def test_what_may_be_is_right(answers: list[Kind], made: list[str]) -> None:
    """Answers that fit what is there, however often the change was sent."""
    assert check(history(*answers), {"a": made}).right


@pytest.mark.parametrize(("answers", "made", "wrong"), [
    ([OK], [], {"lost"}),
    ([UNKNOWN, OK], [], {"lost"}),
    ([OK, FAIL], [], {"lost"}),
    ([OK], ["1", "2"], {"doubled"}),
    ([UNKNOWN, OK], ["1", "2"], {"doubled"}),
    ([FAIL], ["1"], {"phantom"}),
    ([FAIL, FAIL], ["1", "2"], {"phantom", "doubled"}),
    ([OK, (OK, "2")], ["1"], {"contradicted"}),
    ([OK], ["2"], {"contradicted"}),
    ([UNKNOWN], [], {"unsettled"}),
    ([UNKNOWN], ["1"], {"unsettled"}),
    ([UNKNOWN, FAIL], [], {"unsettled"}),  # that nothing was changed by the second try says nothing about the first
    ([UNKNOWN], ["1", "2"], {"unsettled", "doubled"}),
])  # fmt: skip
def test_each_way_to_be_wrong_is_named(answers: list[Kind], made: list[str], wrong: set[str]) -> None:
    """The operation stands under what is wrong with it, and under nothing else."""
    verdict = check(history(*answers), {"a": made})

    assert {name: found for name, found in vars(verdict).items() if found} == {name: ["a"] for name in wrong}


def test_an_effect_that_nobody_asked_for_is_invented() -> None:
    """It is named, and what is right beside it is not."""
    assert check(history(OK), {"a": ["1"], "b": ["2"]}) == Verdict(invented=["b"])


def test_several_clients_are_told_apart() -> None:
    """Their notes mix; each hears of what it asked."""
    mixed = [Note(1, "a", INVOKE), Note(2, "b", INVOKE), Note(2, "b", OK, "2"), Note(1, "a", FAIL)]

    assert check(mixed, {"b": ["2"]}).right
    assert check(mixed, {"a": ["2"]}) == Verdict(lost=["b"], phantom=["a"])


def test_who_never_heard_does_not_know() -> None:
    """A client that was still waiting at the end leaves its operation unsettled."""
    assert check([Note(1, "a", INVOKE)], {}) == Verdict(unsettled=["a"])


@pytest.mark.parametrize("notes", [
    [Note(1, "a", OK)],
    [Note(1, "a", INVOKE), Note(1, "b", OK)],
    [Note(1, "a", INVOKE), Note(2, "a", OK)],
    [Note(1, "a", INVOKE), Note(1, "b", INVOKE)],
])  # fmt: skip
def test_a_history_that_cannot_be_is_refused(notes: list[Note]) -> None:
    """Hearing of what was not asked for, or asking twice at once, is the recorder's fault."""
    with pytest.raises(MalformedHistory):
        check(notes, {})
