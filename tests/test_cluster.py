"""The PostgreSQL of the tests, which is a copy of one that was made before."""

from pathlib import Path

import psycopg

from tests.cluster import stamp, start_at_newest


def _make(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE made ()")


def _must_not(url: str) -> None:
    raise AssertionError(f"made again, not copied: {url}")


def test_it_is_made_once_and_copied_from_then_on(tmp_path: Path) -> None:
    """Both servers run at once, have what was made, and see nothing of each other."""
    first = start_at_newest(tmp_path / "first", _make, kept=tmp_path / "kept")
    second = start_at_newest(tmp_path / "second", _must_not, kept=tmp_path / "kept")
    try:
        with psycopg.connect(first.url) as one, psycopg.connect(second.url) as other:
            one.execute("DROP TABLE made")
            one.commit()
            assert one.execute("SELECT to_regclass('made')").fetchone() == (None,)
            assert other.execute("SELECT to_regclass('made')").fetchone() == ("made",)
    finally:
        first.stop()
        second.stop()


def test_another_revision_is_another_cluster(tmp_path: Path) -> None:
    """A revision that is added, or changed, leads to one that is made anew."""
    stamps = [stamp(tmp_path)]
    for text in ("pass", "more"):
        (tmp_path / "revision.py").write_text(text)
        stamps.append(stamp(tmp_path))

    assert len(set(stamps)) == 3
