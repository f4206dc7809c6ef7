"""The stage of the commands sees a command that does not serve."""

import os
from pathlib import Path

import pytest

from .launching import Checkout


def test_a_command_that_ends_before_it_serves_is_noticed(tmp_path: Path) -> None:
    """With what it printed."""
    checkout = Checkout.__new__(Checkout)
    checkout.folder, checkout.port, checkout.environ = tmp_path / "checkout", 1, dict(os.environ)
    command = checkout.folder / "deploy" / "run"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\necho no such database\n")
    command.chmod(0o700)

    with pytest.raises(AssertionError, match="no such database"), checkout.running():
        pass
