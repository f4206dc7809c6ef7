"""Decisions stand beside what they decide, whole and once; code cites them by id, and none that is not there."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.house.records import DECISION, FIELDS, Decision, cited, decisions, twice

ROOT = Path(__file__).parents[2]
STATUS = re.compile(r"accepted|superseded by (D[1-9]\d*)")
BEGUN = date(2026, 11, 23)
RECORD = """# Decisions

## {id} A title

- **Date**: 2026-11-23
- **Status**: {status}
- **Decision**: This.
- **Reason**: That.
- **Alternative**: Another.
"""


def incomplete(found: list[Decision]) -> Iterator[str]:
    """Name each decision that lacks a field, is of no day, or has a status that says nothing."""
    ids = {each.id for each in found}
    for each in found:
        status = STATUS.fullmatch(each.fields.get("Status", ""))
        if not DECISION.fullmatch(each.id) or tuple(each.fields) != FIELDS:
            yield f"{each.id}: fields {', '.join(each.fields)}"
        elif not status or (status[1] or each.id) not in ids:
            yield f"{each.id}: status {each.fields['Status']}"
        elif date.fromisoformat(each.fields["Date"]) < BEGUN:
            yield f"{each.id}: date {each.fields['Date']}"


def unknown(root: Path) -> dict[str, set[str]]:
    """Return what is cited and not recorded, with who cites it."""
    known = {each.id for each in decisions(root)}
    return {each: where for each, where in cited(root, DECISION).items() if each not in known}


def uncited(root: Path) -> list[str]:
    """Return the decisions in force that no code cites."""
    places = cited(root, DECISION)
    code = {each for each, where in places.items() if any(not name.endswith(".md") for name in where)}
    return [each.id for each in decisions(root) if each.fields["Status"] == "accepted" and each.id not in code]


def test_every_decision_is_recorded_whole_and_once() -> None:
    """Each has an id of its own, a date, a status, a reason and an alternative; each superseded one names another."""
    found = decisions(ROOT)

    assert len(found) >= 96
    assert twice(each.id for each in found) == []
    assert [*incomplete(found)] == []


def test_whatever_is_cited_is_recorded() -> None:
    """No file cites a decision that nobody recorded."""
    assert unknown(ROOT) == {}


def test_every_decision_is_cited_by_code() -> None:
    """Whoever reads the code that follows a decision is led to it."""
    assert uncited(ROOT) == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one decision, and code that cites it."""
    (tmp_path / "rental_backend" / "web").mkdir(parents=True)
    (tmp_path / "rental_backend" / "web" / "DECISIONS.md").write_text(RECORD.format(id="D1", status="accepted"))
    (tmp_path / "rental_backend" / "web" / "code.py").write_text("x = 1  # D1\n")
    return tmp_path


def test_a_citation_of_nothing_would_be_caught(checkout: Path) -> None:
    """An id that is not recorded is named with the file that cites it; codes of lints are no citations."""
    assert unknown(checkout) == {}
    missing = f"D{7}"
    (checkout / "rental_backend" / "more.py").write_text(f'"""By {missing}."""\n\ndef f(): ...  # noqa: D{103}\n')

    assert unknown(checkout) == {missing: {"rental_backend/more.py"}}


def test_a_decision_without_code_would_be_caught(checkout: Path) -> None:
    """A document that mentions it is not enough."""
    assert uncited(checkout) == []
    (checkout / "rental_backend" / "web" / "code.py").write_text("x = 1\n")
    (checkout / "rental_backend" / "page.md").write_text("See D1.")

    assert uncited(checkout) == ["D1"]


@pytest.mark.parametrize("gone", [*FIELDS, "2026-11-23", "accepted"])
def test_a_decision_that_is_not_whole_would_be_caught(checkout: Path, gone: str) -> None:
    """A missing field is named, and so are a day before the beginning and a status of no meaning."""
    page = checkout / "rental_backend" / "web" / "DECISIONS.md"
    whole = page.read_text()
    assert [*incomplete(decisions(checkout))] == []
    lines = [line for line in whole.split("\n") if f"**{gone}**" not in line]
    page.write_text("\n".join(lines).replace("2026-11-23", "2001-01-01" if gone[0] == "2" else "2026-11-23"))
    if gone == "accepted":
        page.write_text(whole.replace("accepted", f"superseded by D{7}"))

    assert [each.partition(":")[0] for each in incomplete(decisions(checkout))] == ["D1"]


def test_a_decision_recorded_twice_would_be_caught(checkout: Path) -> None:
    """Also in another package."""
    (checkout / "deploy").mkdir()
    (checkout / "deploy" / "DECISIONS.md").write_text(RECORD.format(id="D1", status="accepted"))

    assert twice(each.id for each in decisions(checkout)) == ["D1"]
