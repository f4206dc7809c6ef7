"""The stage of these tests sees what is not there, and what comes where it does not belong."""

import pytest

from tests.infra.conftest import OpenCache, OpenDatabase
from tests.infra.telemetry.collector import Collector


def test_a_server_that_is_away_is_noticed(open_database: OpenDatabase, open_cache: OpenCache) -> None:
    """A way to it that has to be open at the beginning is none."""
    for make, url in ((open_database, "postgresql://a:b@127.0.0.1:1/c"), (open_cache, "redis://127.0.0.1:1/0")):
        make(url, probed=False)
        with pytest.raises(AssertionError):
            make(url)


def test_spans_at_another_path_are_noticed() -> None:
    """Collectors take traces at one path only."""
    Collector().take("/v1/traces", {}, b"")
    with pytest.raises(AssertionError):
        Collector().take("/v1/metrics", {}, b"")
