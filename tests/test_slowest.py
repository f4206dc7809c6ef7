"""What a run says of its slowest files."""

from collections import Counter

from tests.slowest import slowest


def test_the_slowest_twenty_files_are_told_in_order() -> None:
    """The slowest comes first, files under a second and those after the twentieth are left out."""
    took = Counter({f"tests/test_{number}.py": number / 2 for number in range(40)})

    lines = slowest(took, quick=True)

    assert [line.split() for line in lines] == [
        [str(number / 2), "s", f"tests/test_{number}.py"] for number in range(39, 19, -1)
    ]
    assert slowest(Counter({"tests/test_quick.py": 0.9}), quick=True) == []


def test_a_file_that_takes_too_long_is_a_finding() -> None:
    """Over twenty seconds is too long, but for a run of everything."""
    took = Counter({"tests/test_slow.py": 20.1, "tests/test_other.py": 20.0})

    assert [line for line in slowest(took, quick=True) if "FINDING" in line] == [
        "   20.1 s  tests/test_slow.py  FINDING: over 20 s"
    ]
    assert "FINDING" not in "".join(slowest(took, quick=False))
