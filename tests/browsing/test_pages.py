"""What is true of every page: accessible in light and dark, readable on a phone, quiet, and whole in itself."""

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from tests import factories

from .conftest import Visitor
from .visit import PHONE

THEIRS = {"nested-interactive", "select-name", "scrollable-region-focusable"}  # of an operation opened in Swagger UI
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


@pytest.mark.full
def test_operations_are_tried_out_in_the_browser(visit: Visitor, session: Session) -> None:
    """Swagger UI comes up with every operation and offends nobody; who signs in asks in his own name."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    factories.customer(session, customer_code="C-TRIED")
    desk = visit("/docs")
    page = desk.page
    page.set_default_timeout(30_000)  # a megabyte of scripts, and every operation
    page.locator(".opblock-tag").first.wait_for()
    assert desk.offences() == []
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#signed-in")).to_contain_text("Signed in")

    page.locator("#operations-tag-customers button.expand-operation").first.click()
    operation = page.locator("#operations-customers-customers_browse")
    operation.locator("button.opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table")).to_contain_text("C-TRIED")
    assert {each.partition(":")[0] for each in desk.offences()} <= THEIRS
