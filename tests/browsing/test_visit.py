"""The look at a page sees what it complains of, and what it fetches from elsewhere."""

import pytest
from playwright.sync_api import Browser

from .visit import Visit


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<script>console.error('oh')</script>", "error: oh"),
        ("<script>console.warn('hm')</script>", "warning: hm"),
        ("<script>throw new Error('no')</script>", "uncaught: no"),
        ("<img src='http://127.0.0.1:9/picture'>", "http://127.0.0.1:9/picture"),
    ],
)
def test_a_page_that_is_not_quiet_and_self_contained_is_noticed(browser: Browser, page: str, said: str) -> None:
    """Each kind of complaint fails the visit and is told; taken back, that one does not, and no other can be."""
    visit = Visit.begin(browser, "http://site.example")
    visit.page.set_content(page)
    visit.page.wait_for_load_state("networkidle")

    assert said in [*visit.complaints, *visit.abroad]
    with pytest.raises(AssertionError):
        visit.allow("something that was not said")
    with pytest.raises(AssertionError):
        visit.end()
