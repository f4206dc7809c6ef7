"""Business rules are defined on one page, once each; what cites a rule cites one that is there."""

import re
from pathlib import Path

import pytest

from tests.house.records import RULE, cited, rules, twice

ROOT = Path(__file__).parents[2]
OLD_FORM = re.compile(r"\brules? [A-M]\b(?!-)")


def undefined(root: Path) -> dict[str, set[str]]:
    """Return what is cited as a rule and defined nowhere, with who cites it."""
    known = {*rules(root)}
    return {each: where for each, where in cited(root, RULE).items() if each not in known}


def test_every_rule_has_an_id_of_its_own() -> None:
    """The ids of a section are counted from 1 without gaps."""
    ids = rules(ROOT)

    assert twice(ids) == []
    for letter in sorted({each[3] for each in ids}):
        numbers = [int(each[4:]) for each in ids if each[3] == letter]
        assert numbers == [*range(1, len(numbers) + 1)]


def test_every_rule_that_is_cited_is_defined() -> None:
    """Docstrings, comments, tests and documents lead to a rule; a dozen and more of them do."""
    assert undefined(ROOT) == {}
    assert len(cited(ROOT, RULE)) >= 12


def test_rules_are_cited_by_their_ids_only() -> None:
    """A letter by itself leads nowhere."""
    old = cited(ROOT, OLD_FORM)

    assert old == {}


@pytest.mark.parametrize("citation", ["Z1", "A99", "A"])
def test_a_citation_of_no_rule_would_be_caught(tmp_path: Path, citation: str) -> None:
    """One that is not defined is named with the file that cites it, and so is one of a whole section."""
    for name, text in ((".github/RULES.md", "- **BR-A1** This.\n"), ("deploy/code.py", '"""By BR-A1."""\n')):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    assert undefined(tmp_path) == {}
    (tmp_path / "deploy" / "bad.py").write_text(f"x = 1  # BR-{citation}\n")

    assert undefined(tmp_path) == {f"BR-{citation}": {"deploy/bad.py"}}
    assert OLD_FORM.search(f"(business rule {'C'})")
