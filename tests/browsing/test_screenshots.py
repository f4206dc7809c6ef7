"""The pictures in OPERATIONS.md: `SCREENSHOTS=1 deploy/test full tests/browsing/test_screenshots.py` renews them."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Site, Visitor
from .test_breakers import PATH, away
from .visit import PHONE

HERE = Path(__file__).parent
LARGEST = 150_000  # bytes
DESK = {"width": 1000, "height": 640}


@pytest.mark.full
def test_the_page_in_an_outage(visit: Visitor, site: Site, tmp_path: Path) -> None:
    """On a desk in light and on a phone in the dark; small enough to be kept here."""
    folder = HERE if os.environ.get("SCREENSHOTS") else tmp_path
    with away(site):
        for name, look in (
            ("breakers.png", {"viewport": DESK}),
            ("breakers-phone.png", {"viewport": PHONE, "color_scheme": "dark"}),
        ):
            page = visit(PATH, **look).page
            expect(page.locator("#link")).to_have_text("Live.")
            expect(page.locator("#summary")).to_contain_text("database is away since")
            page.screenshot(path=folder / name)
            assert 5_000 < (folder / name).stat().st_size < LARGEST


@pytest.mark.full
def test_the_status_page_in_an_outage(visit: Visitor, site: Site, tmp_path: Path) -> None:
    """What customers see of it: which parts are disrupted, and that they were well before."""
    picture = (HERE if os.environ.get("SCREENSHOTS") else tmp_path) / "status.png"
    with away(site):
        page = visit("/status", viewport=DESK).page
        expect(page.locator("#headline")).to_have_text("Much does not work")
        page.screenshot(path=picture)
    assert 5_000 < picture.stat().st_size < LARGEST
