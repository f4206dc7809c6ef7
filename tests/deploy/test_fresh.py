"""A bare checkout becomes a serving application, with nothing but Python and a package index."""

import pytest

from .launching import Checkout, eventually


@pytest.mark.full
def test_a_bare_checkout_serves(bare: Checkout) -> None:
    """Everything is installed by the first start, in a folder of any name; a second one installs nothing."""
    for installs in (True, False):
        with bare.running(seconds=300) as run:
            eventually(run.healthy)
            assert ("installing" in run.output()) is installs
