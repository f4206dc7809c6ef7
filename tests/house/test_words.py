"""The worst words stay out of what people read, with a proof that each would be found."""

from pathlib import Path

import pytest

from tests.house.words import PATTERNS, RENAMED, WORST, offences, searched, worst_words

ROOT = Path(__file__).parents[2]


def test_no_text_holds_a_worst_word() -> None:
    """Docstrings, comments, strings, guides and pages of the searched files are free of them."""
    found = [f"{path.relative_to(ROOT)}:{each}" for path in searched(ROOT) for each in offences(path)]

    assert found == []


def test_something_is_searched_by_every_pattern() -> None:
    """A pattern that fits no file any more would hold nothing out."""
    assert [pattern for pattern in PATTERNS if not any(ROOT.glob(pattern))] == []
    names = {str(path.relative_to(ROOT)) for path in searched(ROOT)}
    assert {"rental_backend/errors.py", "rental_backend/schemas.py", "rental_backend/app.py"} <= names
    assert len([name for name in names if name.endswith(".md") and "guides" in name]) == 2


@pytest.mark.parametrize("word", [*WORST, *RENAMED])
def test_each_word_would_be_found(word: str) -> None:
    """In either case and across the end of a line, but only as whole words."""
    assert worst_words(f"So {word.capitalize()}.") == [word]
    assert worst_words(f"({word.replace(' ', chr(10) + '    ')})") == [word]
    assert worst_words(f"x{word}x") == []


def test_a_word_is_found_wherever_people_read(tmp_path: Path) -> None:
    """In a docstring, a comment, a string or a page, with its line; names of a program are none of its texts."""
    program = tmp_path / "bad.py"
    program.write_text('"""Good.\n\nSay what he says.\n"""\n\nhis = 1  # whoever asks\ntold = f"so {his} himself"\n')
    page = tmp_path / "bad.html"
    page.write_text("<p>Good.</p>\n<p>For him.</p>\n")

    assert sorted(offences(program)) == ["3: he", "6: whoever", "7: himself"]
    assert list(offences(page)) == ["2: him"]


def test_what_is_searched_is_read_from_the_checkout(tmp_path: Path) -> None:
    """A file of a pattern is searched, wherever it lies below; pictures and files beside the patterns are not."""
    wanted = ["rental_backend/errors.py", "rental_backend/rentals/service.py", "rental_backend/web/a/b.html"]
    wanted += ["deploy/monitoring/alerts.yml", "migrations/versions/1.py", ".github/A.md", "gunicorn.conf.py"]
    for name in (*wanted, "rental_backend/web/a/b.png", "deploy/requirements/base.txt", "tests/a.py", "A.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert sorted(str(path.relative_to(tmp_path)) for path in searched(tmp_path)) == sorted(wanted)
