"""What is true of every page: accessible in light and dark, readable on a phone, quiet, and whole in itself."""

import pytest

from .conftest import Visitor
from .visit import PHONE

pytestmark = pytest.mark.long

PAGES = ("/docs/guide", "/docs/operations")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(visit: Visitor, path: str) -> None:
    """No offence against WCAG A and AA, in light on a desk and in the dark on a phone; nothing is wider than that."""
    desk = visit(path)
    phone = visit(path, viewport=PHONE, color_scheme="dark")

    assert desk.offences() == []
    assert phone.offences() == []
    assert phone.too_wide() <= 0


def test_the_content_is_one_key_away(visit: Visitor) -> None:
    """The first stop of the Tab key skips the navigation, and can be seen then."""
    page = visit("/docs/guide").page
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("each => document.activeElement === each")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0

    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "content"
