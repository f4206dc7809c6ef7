"""Whether what clients were told of their changes is what became of them (after Jepsen's set and bank checkers).

An operation is one intention of a client: a change that may be sent several times, always with the same key. Of each
time the client notes that it asked, and how that ended. When all is over the effects that are there are looked up, and
`check` compares. Nothing here knows what kind of change it is, or where effects are kept.
"""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


class Kind(enum.Enum):
    """What a client notes."""

    INVOKE = "invoke"
    OK = "ok"  # it was told that the change is made
    FAIL = "fail"  # it was told that nothing was changed
    UNKNOWN = "unknown"  # it was told nothing, or that nobody knows


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a history, in the order in which they happened; `result` names the effect that an OK spoke of."""

    client: int
    operation: str
    kind: Kind
    result: str = ""


@dataclass
class Verdict:
    """The operations for which a history is wrong, by what is wrong; all empty if it is right."""

    lost: list[str] = field(default_factory=list)  # said to be made, and not there
    doubled: list[str] = field(default_factory=list)  # there more than once
    phantom: list[str] = field(default_factory=list)  # there, though every answer said that nothing was changed
    contradicted: list[str] = field(default_factory=list)  # answers speak of several effects, or of none there is
    unsettled: list[str] = field(default_factory=list)  # unknown at the last, though it was to be sent again
    invented: list[str] = field(default_factory=list)  # there, and nobody asked for it

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not any(vars(self).values())


class MalformedHistory(ValueError):
    """The history itself cannot be: the recorder is at fault, not what is recorded."""


# D80: histories decide.
def check(history: Iterable[Note], effects: Mapping[str, Sequence[str]]) -> Verdict:
    """Compare a history with the effects that are there at the end: for each operation the names of what it made."""
    told = _told(history)
    verdict = Verdict(invented=sorted(set(effects) - set(told)))
    for operation, answers in told.items():
        _judge(verdict, operation, answers, list(effects.get(operation, ())))
    return verdict


def _judge(verdict: Verdict, operation: str, answers: list[Note], made: list[str]) -> None:
    kinds = {each.kind for each in answers}
    results = {each.result for each in answers if each.kind is Kind.OK}
    if len(made) > 1:
        verdict.doubled.append(operation)
    if results and not made:
        verdict.lost.append(operation)
    elif len(results) > 1 or not results <= {*made}:
        verdict.contradicted.append(operation)
    if kinds == {Kind.FAIL} and made:
        verdict.phantom.append(operation)
    if Kind.UNKNOWN in kinds and not results:
        verdict.unsettled.append(operation)


def _told(history: Iterable[Note]) -> dict[str, list[Note]]:
    """Return what was said of each operation; each client asks one thing at a time and hears of that."""
    asked: dict[int, str] = {}
    told: dict[str, list[Note]] = defaultdict(list)
    for note in history:
        if note.kind is Kind.INVOKE:
            if note.client in asked:
                raise MalformedHistory(f"{note.client} asks for {note.operation} while it waits")
            asked[note.client] = note.operation
            told[note.operation]  # asked for, whatever comes of it
        else:
            if asked.pop(note.client, None) != note.operation:
                raise MalformedHistory(f"{note.client} hears of {note.operation}, which it did not ask for")
            told[note.operation].append(note)
    for client, operation in asked.items():  # nobody ever heard
        told[operation].append(Note(client, operation, Kind.UNKNOWN))
    return dict(told)
