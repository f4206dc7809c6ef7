"""The page for customers in a real browser: what works and what does not, now and in the past, for everybody."""

from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests import factories
from tests.serving import until

from .conftest import Site, Visitor
from .visit import PHONE

pytestmark = pytest.mark.long

PATH = "/status"
EVERY = 15_000  # milliseconds between two looks of the page
FIRE = {"name": "Fire in the hall", "impact": "major", "components": ["catalogue"], "status": "identified"}


def _status(site: Site) -> str:
    said: dict[str, Any] = requests.get(f"{site.url}/status.json", timeout=5).json()
    return str(said["status"]["indicator"])


@pytest.fixture
def token(site: Site, session: Session) -> str:
    """The token of somebody who may steer."""
    user = factories.user(session, permissions=("SYSTEM_MAINTENANCE",))
    body = {"username": user.username, "password": factories.PASSWORD}
    answer = requests.post(f"{site.url}/api/auth/login", json=body, timeout=10)
    return str(answer.json()["access_token"])


def _look(page: Page) -> None:
    """Let the time go by until the page looks again."""
    page.clock.fast_forward(EVERY)


def test_the_past_is_there_for_everybody(visit: Visitor) -> None:
    """Bars say in text what they show, tables what was not as usual, past incidents what was said; also on a phone."""
    desk = visit(PATH)
    page = desk.page
    expect(page.locator("#headline")).to_have_text("All systems work")
    bars = page.get_by_role("img", name="Catalogue, Last 90 days: 99.73 % up, 1 of 90 bars not as usual")
    expect(bars).to_be_visible()
    assert bars.locator("rect").count() == 90
    assert page.get_by_role("img").count() == 2 * page.locator(".component").count()
    details = page.locator("summary", has_text="What was not as usual in the last 90 days of Catalogue")
    details.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Major outage 76.00 % up")).to_be_visible()
    expect(page.get_by_role("region", name="Past incidents")).to_contain_text("A cable was cut.")
    phone = visit(PATH, viewport=PHONE, color_scheme="dark")

    assert desk.offences() == []
    assert phone.offences() == []
    assert phone.too_wide() <= 0


def test_what_happens_is_on_the_page_without_a_reload(visit: Visitor, site: Site, token: str) -> None:
    """An outage and what operators say of it come by themselves, and go; nothing is fetched from elsewhere."""
    page = visit(PATH).page
    page.clock.install()
    page.reload()
    site.database.refuse()
    try:
        until(lambda: _status(site) == "critical", what="the outage is told")
        _look(page)
        expect(page.locator("#headline")).to_have_text("Much does not work")
        expect(page.locator(".component").filter(has_text="Stock")).to_contain_text("Major outage")
        headers = {"Authorization": f"Bearer {token}"}
        orders = f"{site.url}/api/operations/incidents"
        opened = requests.post(orders, json={**FIRE, "body": "It burns."}, headers=headers, timeout=5)
        assert opened.status_code == 200, opened.text
        _look(page)
        expect(page.get_by_role("region", name="What is being worked on")).to_contain_text("It burns.")
        said = {"status": "resolved", "body": "It is out."}
        requests.post(f"{orders}/{opened.json()['id']}/updates", json=said, headers=headers, timeout=5)
    finally:
        site.database.restore()
    until(lambda: _status(site) == "none", what="all is well")
    _look(page)
    expect(page.locator("#headline")).to_have_text("All systems work")
    expect(page.get_by_role("region", name="Past incidents")).to_contain_text("It is out.")


def test_it_takes_no_script(visit: Visitor) -> None:
    """Without JavaScript it says the same."""
    page = visit(PATH, java_script_enabled=False).page

    expect(page.locator("#headline")).to_have_text("All systems work")
    expect(page.locator(".component").first).to_contain_text("Operational")
