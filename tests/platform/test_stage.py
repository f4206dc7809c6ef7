"""The pretended platform sees a service that does not serve, and one that is not to be deployed."""

import subprocess
from pathlib import Path

import pytest

from .platform import Service
from .project import Platform
from .starting import Started


def test_a_starter_that_ends_is_noticed(tmp_path: Path) -> None:
    """With what it printed."""
    started = Started.__new__(Started)
    started.url = "http://127.0.0.1:1"
    started.log, started.process = tmp_path / "log", subprocess.Popen(["false"])
    started.log.write_text("no such database")

    with pytest.raises(AssertionError, match="no such database"):
        started.serves()


def test_a_deployment_of_another_service_is_noticed() -> None:
    """Only the router is deployed here."""
    platform = Platform(Service.__new__(Service))
    platform.has(platform.add("router"), "9" * 40)
    with pytest.raises(AssertionError):
        platform.deploy(platform.add("api").id, "9" * 40)
