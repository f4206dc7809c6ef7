"""The faults that are tried: what they are, which are chosen, and by which tests they are to be noticed."""

from pathlib import Path

import pytest

from tests.mutation import equivalent, targets
from tests.mutation.mutants import mutants, sample

ROOT = Path(__file__).parents[2]

FAULTS: dict[str, list[str]] = {
    "x = a < b": ["a <= b"],
    "x = a <= b < c": ["b < c", "a <= b"],
    "x = a in b": ["a not in b"],
    "x = a is None": ["a is not None"],
    "x = a and b": ["a or b", "b", "a"],
    "x = a - b": ["a + b"],
    "x = a + 'text'": [],
    "x = not a": ["a"],
    "x = 7": ["8"],
    "x = True": ["False"],
    "x = 'text'": [],
    "x = min(a, b)": ["max(a, b)"],
    "x = call(a, strict=b)": ["call(a)"],
    "x = a if b else c": ["a", "c"],
    "x = (a, b)": ["(b,)", "(a,)"],
    "x = {a: b, c: d}": ["{c: d}", "{a: b}"],
    "x = [a for a in b if c]": ["True"],
    "if a:\n    b": ["True", "False"],
    "call(a)": ["nothing"],
    "raise a": ["nothing"],
    "def f():\n    return escape(a)": ["a"],
    "def f():\n    return a.strip()": ["a"],
    "def f(a: int = 0) -> 'int | None': ...": ["1"],
    "x = f'{a + 1}'": [],
    "__all__ = ['a', 'b']": [],
    "@dataclass(frozen=True)\nclass A: ...": [],
    "@lru_cache(maxsize=9)\ndef f(): ...": [],
}


@pytest.mark.parametrize("text", FAULTS)
def test_each_kind_of_fault_is_tried(text: str) -> None:
    """One change each, and everything else stays as it was written."""
    found = list(mutants("a.py", f"# a comment\n{text}\n"))

    assert [each.after for each in found] == FAULTS[text]
    assert all(each.text.startswith("# a comment\n") for each in found)
    assert len({each.text for each in found} | {f"# a comment\n{text}\n"}) == len(found) + 1


def test_the_sample_stays_what_it_was_when_a_source_changes(tmp_path: Path) -> None:
    """Lines that are added move no choice, a line has one fault at the most, and what is known is passed over."""
    source = tmp_path / "a.py"
    lines = [f"def f{number}(a, b):\n    return a < b and a + {number} > b\n" for number in range(40)]
    source.write_text("\n".join(lines))
    first = sample(tmp_path, [source], 10, "seed")
    source.write_text("\n".join(["# more\n" * 7, *lines]))

    assert [each.name for each in sample(tmp_path, [source], 10, "seed")] == [each.name for each in first]
    assert [each.name for each in sample(tmp_path, [source], 10, "other")] != [each.name for each in first]
    assert len({each.line for each in first}) == 10
    left = sample(tmp_path, [source], 10, "seed", without=[first[0].name])
    assert first[0].name not in {each.name for each in left}


def test_those_that_are_called_equivalent_are_there_and_have_a_reason() -> None:
    """One that has gone is taken off the list."""
    named = equivalent.names()
    paths = {name.partition(" ")[0] for name in named}
    there = {each.name for path in paths for each in mutants(path, (ROOT / path).read_text())}

    assert [name for name in named if name not in there] == []
    assert [name for name, reason in named.items() if len(reason) < 20] == []


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("rental_backend/web/query/listing.py", ["tests/web/query/test_listing.py", "tests/web/query"]),
        ("rental_backend/parties/models/customers.py", ["tests/parties"]),
        ("rental_backend/infra/rate_limits.py", ["tests/infra/test_rate_limits.py", "tests/infra"]),
    ],
)
def test_a_fault_is_looked_for_where_its_tests_are(path: str, first: list[str]) -> None:
    """In the file named after it, then in its folder or the next above; after that in what imports it."""
    assert targets.own(ROOT, path) == first
    assert "tests/contract" in targets.others(ROOT, path)


def test_what_imports_a_source_is_asked_too() -> None:
    """Wherever it stands, and the tests of the sources that import it."""
    assert "tests/schema/test_search.py" in targets.others(ROOT, "rental_backend/models.py")
    assert "tests/settings/backups" in targets.others(ROOT, "rental_backend/infra/postgres/backups.py")
