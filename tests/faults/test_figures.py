"""The figures of a fault, from courses whose figures are known."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.faults.figures import BARE, BusinessMetrics, Course, figures, planned, true_to_its_word
from tests.faults.history import Verdict
from tests.faults.load import Seen
from tests.faults.report import BEGIN, END, Report
from tests.faults.stage import Transition
from tests.serving import ROOT

PROBLEM = "application/problem+json"
LOST = (  # opens at 12, probes in vain at 13, finds it back at 15
    Transition(12.0, "database", "closed", "open"),
    Transition(13.0, "database", "open", "half-open"),
    Transition(13.1, "database", "half-open", "open"),
    Transition(15.0, "database", "open", "half-open"),
    Transition(15.1, "database", "half-open", "closed"),
)


def answer(at: float, status: int = 200, degraded: str = "", *, took: float = 0.01, kind: str = "read") -> Seen:
    """An answer, and what it says."""
    return Seen(at, at + took, kind, status, degraded, {}, b"", b"")


def refusal(at: float, after: str, *, took: float = 0.0, **headers: str) -> Seen:
    """A 503 for want of the database."""
    said = {"Content-Type": PROBLEM, "Retry-After": after, **headers}
    return Seen(at, at + took, "write", 503, "", said, b"", json.dumps({"dependency": "database"}).encode())


def course(
    seen: Sequence[Seen], *, opens: Sequence[str] = (), waiting: Mapping[str, Sequence[tuple[float, int]]] | None = None
) -> Course:
    """The course of a fault that was there from 10 to 14."""
    verdict = Verdict(lost=["a"], phantom=["b"])
    return Course(8.0, 10.0, 13.9, 14.0, 20.0, seen, LOST, waiting or {}, 50.0, verdict, frozenset(opens))


def test_what_clients_saw_is_counted() -> None:
    """By status, the slowest, the share of stale reads, and how long some of them still suffered."""
    seen = [
        answer(9),
        answer(11, took=0.8),
        answer(13, 200, "stale", took=0.002),
        answer(13.95, 200, "stale", took=0.03),  # while roads are opened again, one after the other
        answer(14.5, 200, "stale"),
        answer(16),
    ]
    found = figures(course(seen, opens=["database"]))

    assert found.statuses == {"200": 2, "200 stale": 3}
    assert (found.slowest, found.stale_share) == (pytest.approx(0.8), pytest.approx(2 / 3))
    assert (found.opened, found.p99_degraded, found.degraded) == (2.0, pytest.approx(0.002), 1)
    assert found.recovered == pytest.approx(0.51)
    assert (found.lost, found.doubled, found.wrong) == (1, 0, 2)


def test_a_server_that_does_nothing_is_counted_for_itself() -> None:
    """Its answers are no answers of ours, and show how late machine and clients are while ours are degraded."""
    bare = [answer(9, took=3.0, kind=BARE), answer(13, took=0.007, kind=BARE)]
    found = figures(course([answer(9), answer(11), answer(13, 200, "stale", took=0.002), *bare], opens=["database"]))

    assert (found.answers, found.slowest) == (3, pytest.approx(0.01))
    assert (found.p99_bare, found.p99_degraded) == (pytest.approx(0.007), pytest.approx(0.002))


def test_probes_are_a_share_of_what_the_database_could_answer() -> None:
    """One in the four seconds of the fault, of a database that answers fifty a second."""
    assert figures(course([answer(9), answer(11)])).probe_share == pytest.approx(1 / 4 / 50)


def test_a_breaker_that_was_to_open_and_did_not_shows() -> None:
    """There is no time to open unless all of them opened."""
    assert figures(course([answer(9), answer(11)], opens=["database", "redis"])).opened is None


def test_the_herd_after_closing_stands_beside_seconds_before_the_fault() -> None:
    """The most calls at once for a dependency, also those that were under way; another's closing is not its own."""
    waiting = {
        "database": [(8.4, 4), (8.5, 2), (9.3, 0), (9.4, 3), (14.9, 1), (15.5, 6), (15.6, 0), (16.2, 9)],
        "redis": [(9.1, 1), (9.2, 0), (15.5, 1), (15.55, 0)],
    }
    found = figures(course([answer(9), answer(11)], waiting=waiting))

    assert found.calm == {"database": [3, 4], "redis": [1, 0]}
    assert found.after_closing == {"database": [6], "redis": []}


def test_the_report_compares_the_herd_with_all_calm_seconds(tmp_path: Path) -> None:
    """Of all faults: calls come one by one, and what few seconds of a fault say of the most at once is chance."""
    report = Report(tmp_path)
    for number, most in enumerate((2, 4)):
        waiting = {"database": [(8.4, most), (8.9, 0), (9.4, most), (9.5, 0), (15.5, 4), (15.6, 0)]}
        report.add(f"fault {number}", made := course([answer(9), answer(11)], waiting=waiting), figures(made))

    assert "    database: 1.33 in the mean, 1.33 at most, of 3.00" in report.bars()


@pytest.mark.parametrize(("seen", "good"), [
    (answer(1), True),
    (answer(1, 201), True),
    (answer(1, 0), False),
    (answer(1, 500), False),
    (answer(1, 503), False),
    (refusal(1, "1"), True),
    (refusal(1, "0"), False),
    (refusal(1, "1", **{"Content-Type": "text/html"}), False),
])  # fmt: skip
def test_a_planned_refusal_is_a_problem_that_says_when_to_come_back(seen: Seen, good: bool) -> None:
    """All else but success is not planned."""
    assert planned(seen) is good


@pytest.mark.parametrize(("at", "after", "true"), [
    (11.0, "1", True),  # given while the breaker was still closed
    (12.1, "1", True),  # the probe of 13
    (12.1, "2", True),  # a second late, 14.1: that of 15 is within a second
    (12.9, "3", True),  # back since 15.1
    (12.1, "9", True),  # long back
])  # fmt: skip
def test_a_true_time_is_one_at_which_the_dependency_is_looked_at(at: float, after: str, true: bool) -> None:
    """Within a second of it there is a probe, or the dependency is back."""
    assert true_to_its_word(refusal(at, after), LOST) is true


def test_an_untrue_time_is_named() -> None:
    """Nobody looks between a probe in vain and the next, three seconds later."""
    late = [*LOST[:3], Transition(18.0, "database", "open", "half-open")]

    assert true_to_its_word(refusal(13.2, "5"), late)
    assert not true_to_its_word(refusal(13.2, "2"), late)


def test_what_was_said_while_a_probe_was_under_way_is_true_however_late_it_is_read() -> None:
    """Asked before the end of the probe in vain and read after it; who asks after it and is told a second is misled."""
    late = [*LOST[:3], Transition(18.0, "database", "open", "half-open")]

    assert true_to_its_word(refusal(13.09, "1", took=0.05), late)
    assert not true_to_its_word(refusal(13.12, "1", took=0.05), late)


def test_the_document_gets_the_table_and_the_folder_the_rest(tmp_path: Path) -> None:
    """Between the marks it is replaced, and nothing else is touched; without them nobody writes anything."""
    report, document, shown = Report(tmp_path / "made"), tmp_path / "FIGURES.md", tmp_path / "shown"
    shown.mkdir()
    document.write_text(f"before\n{BEGIN}old{END}\nafter\n")
    report.add("a fault", *_run())
    report.kept["a route"] = [1.0, 0.9, 0.8, 0.7]
    report.write()

    report.show(document, shown)

    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n    load ")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "    a fault " in text
    assert "0.90 by the processor" in text
    assert "old" not in text.splitlines()
    assert {each.name for each in shown.iterdir()} == {"faults.png", "faults.html"}
    document.write_text("no place")
    with pytest.raises(ValueError, match="no place"):
        report.show(document, shown)


def test_the_figures_have_one_place_for_the_table() -> None:
    """The page that the suite writes to has its marks once, and shows the picture and the page it writes."""
    document = ROOT / "deploy" / "FIGURES.md"
    text = document.read_text()
    shown = {(document.parent / link).resolve() for link in re.findall(r"\]\((\S+)\)", text)}

    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert {Path(__file__).with_name(name) for name in ("faults.png", "faults.html")} <= shown


def _run() -> tuple[Course, BusinessMetrics]:
    made = course([answer(9), answer(11)])
    return made, figures(made)
