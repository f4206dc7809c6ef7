"""Copies of the checkout to run the commands in."""

from pathlib import Path

import pytest

from .launching import Checkout


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """A checkout as git leaves it."""
    return Checkout(tmp_path / "copy")


@pytest.fixture
def checkout(bare: Checkout) -> Checkout:
    """A checkout in which everything is installed."""
    bare.lend_environment()
    return bare
