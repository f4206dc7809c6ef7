"""The operators' page: what it says, how soon, to whom, and what can be pressed, by mouse and by keyboard."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import SecurityAuditLog
from tests import factories
from tests.serving import until

from .conftest import Site, Visitor
from .visit import PHONE

pytestmark = pytest.mark.long

PATH = "/health/breakers"
OPERATOR, CLERK = "operator", "clerk"
NOTE_WHEN_OPEN = """() => {
    window.opened = new Promise(done => {
        const card = document.getElementById("cards");
        new MutationObserver(() => card.textContent.includes("Open: calls") && done(Date.now()))
            .observe(card, {childList: true, subtree: true});
    });
}"""
PLACES = 4  # of two workers
SOON = 1.0  # seconds from a trip to its being on the page


def told(site: Site) -> dict[str, Any]:
    """Return what programs are told."""
    found: dict[str, Any] = requests.get(site.url + PATH, timeout=5).json()
    return found


@contextmanager
def away(site: Site) -> Iterator[None]:
    """Take the database away within the block; afterwards everything is up again."""
    site.database.refuse()
    try:
        until(lambda: told(site)["breakers"][0]["state"] != "closed")
        yield
    finally:
        site.database.restore()
        until(lambda: told(site)["status"] == "healthy")


@pytest.fixture
def people(session: Session) -> None:
    """Somebody who may steer, and somebody who may not."""
    factories.user(session, username=OPERATOR, permissions=("SYSTEM_MAINTENANCE",))
    factories.user(session, username=CLERK, permissions=("CUSTOMER_VIEW",))


def sign_in(page: Page, name: str) -> None:
    """Fill the form in and send it."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in to steer").click()


def outcome(page: Page) -> Locator:
    """The line that says what became of an order."""
    return page.locator("#outcome")


def card(page: Page, name: str) -> Locator:
    """What stands about a breaker."""
    return page.get_by_role("region", name=name, exact=True)


def order(page: Page, name: str, state: str, reason: str) -> None:
    """Fill in an order about a breaker and confirm it."""
    form = page.get_by_role("form", name="Order about a breaker")
    form.get_by_label("Breaker").select_option(name)
    form.get_by_label("Order").select_option(state)
    form.get_by_label("Reason").fill(reason)
    form.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Do it").click()


def test_a_trip_is_on_the_page_at_once(visit: Visitor, site: Site) -> None:
    """It says what is away, since when, who is affected; without a reload, within a second; afterwards all is well."""
    desk = visit(PATH)
    page = desk.page
    expect(page.locator("#link")).to_have_text("Live.")
    expect(page.get_by_role("status").first).to_have_text("Everything works.")
    page.evaluate(NOTE_WHEN_OPEN)
    since = datetime.now(UTC).isoformat()

    with away(site):
        seen = page.evaluate("() => window.opened") / 1000
        turns = (each for breaker in told(site)["breakers"] for each in breaker["timeline"])  # the accounts open, too
        opened = min(each["at"] for each in turns if each["to"] == "open" and each["at"] > since)
        took = seen - datetime.fromisoformat(opened).timestamp()
        print(f"on the page {1000 * took:.0f} ms after the trip")
        assert 0 <= took <= SOON
        expect(page.locator("#summary")).to_contain_text("database is away since")
        expect(card(page, "database")).to_contain_text("Of the operations")
        expect(page.get_by_role("row", name="customers")).to_contain_text("answered from memory")
        expect(page.locator(".timeline li").filter(has_text="opened: 6 failures in a row").first).to_be_attached()
        assert "OperationalError" not in page.content()  # that is for operators
        phone = visit(PATH, viewport=PHONE, color_scheme="dark")
        assert desk.offences() == []
        assert phone.offences() == []
        assert phone.too_wide() <= 0

    expect(page.locator("#summary")).to_have_text("Everything works.")
    assert len(page.locator("#cards path.failed").first.get_attribute("d") or "") > 0


@pytest.mark.usefixtures("people")
def test_an_order_is_confirmed_carried_out_and_written_down(visit: Visitor, site: Site, session: Session) -> None:
    """It takes a name typed in, is in force with its reason and its end, and a reset ends it; the log has both."""
    page = visit(PATH).page
    sign_in(page, OPERATOR)
    expect(outcome(page)).to_contain_text("Signed in")
    form = page.get_by_role("form", name="Order about a breaker")
    form.get_by_label("Breaker").select_option("redis")
    form.get_by_label("Reason").fill("a drill")
    form.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Every call to redis is refused, in all workers of this host, for 5 min.")
    dialog.get_by_role("textbox").fill("database")
    dialog.get_by_role("button", name="Do it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("nothing was ordered")
    assert told(site)["breakers"][1]["order"] is None

    dialog.get_by_role("textbox").fill("redis")
    dialog.get_by_role("button", name="Do it").click()

    expect(outcome(page)).to_contain_text("Ordered.")
    expect(card(page, "redis")).to_contain_text(f"By {OPERATOR}: a drill; for")
    asked = told(site)["breakers"][1]
    assert (asked["state"], asked["order"]["reason"], asked["order"]["actor"]) == ("forced-open", None, None)
    assert 280 < asked["order"]["seconds_left"] <= 300
    order(page, "redis", "reset", "over")
    expect(card(page, "redis")).to_contain_text("Closed: calls are made")
    until(lambda: _logged(session) == ["BREAKER_ORDERED", "BREAKER_RESET"], what="the journal is taken over")


def _logged(session: Session) -> list[str]:
    session.expire_all()
    rows = session.scalars(select(SecurityAuditLog).order_by(SecurityAuditLog.timestamp))
    return [row.action for row in rows if row.resource == "operations" and row.user_name == OPERATOR]


@pytest.mark.usefixtures("people")
def test_who_may_not_steer_is_told_so(visit: Visitor) -> None:
    """He sees no form of orders, and may sign in as somebody else."""
    looked = visit(PATH)
    sign_in(looked.page, CLERK)

    expect(outcome(looked.page)).to_contain_text("SYSTEM_MAINTENANCE")
    assert not looked.page.get_by_role("form", name="Order about a breaker").is_visible()
    assert looked.page.get_by_label("Password").input_value() == ""
    looked.allow("403")


def test_break_glass_steers_while_nobody_can_sign_in(visit: Visitor, site: Site) -> None:
    """With the accounts away it sees the errors, and puts the service into a mode by the keyboard alone."""
    with away(site):
        page = visit(PATH).page
        page.get_by_label("User name").focus()
        page.keyboard.type("break-glass")
        page.keyboard.press("Tab")
        page.keyboard.type(factories.PASSWORD)
        page.keyboard.press("Enter")
        expect(outcome(page)).to_contain_text("Signed in")
        expect(page.get_by_role("combobox", name="Breaker")).to_be_focused()
        expect(card(page, "database")).to_contain_text("last error:")
        for _ in range(5):  # breaker, order, end, reason, button: to the mode
            page.keyboard.press("Tab")
        expect(page.get_by_role("combobox", name="Mode")).to_be_focused()
        page.keyboard.type("read")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("a fire")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
        page.keyboard.type("read-only")
        page.keyboard.press("Enter")
        expect(outcome(page)).to_contain_text("Ordered. All workers of this host are in the mode read-only")
        expect(page.locator("#summary")).to_contain_text("the service is in read-only mode")
        assert told(site)["mode"] == "read-only"
        page.get_by_role("combobox", name="Mode").select_option("normal")
        page.get_by_role("form", name="Order a mode").get_by_label("Reason").fill("over")
        page.keyboard.press("Enter")
        page.keyboard.type("normal")
        page.keyboard.press("Enter")
        expect(page.locator("#mode")).to_contain_text("normal")


@pytest.mark.full
def test_it_polls_when_as_many_as_may_are_watching(visit: Visitor, site: Site) -> None:
    """The page goes on by asking every two seconds, and is live again when somebody leaves."""
    headers = {"Accept": "text/event-stream", "Connection": "close"}
    statuses: list[int] = []
    with ExitStack() as watching:

        def full() -> bool:
            answer = watching.enter_context(requests.get(site.url + PATH, headers=headers, stream=True, timeout=5))
            statuses.append(answer.status_code)
            return statuses.count(200) == PLACES

        until(full, what="both workers, of which one is chosen by chance")
        page = visit(PATH).page
        expect(page.locator("#link")).to_contain_text("Refreshed every 2 s")
        before = page.locator("#as-of").inner_text()
        expect(page.locator("#as-of")).not_to_have_text(before)


def test_without_javascript_it_is_a_plain_page(visit: Visitor) -> None:
    """Everything is there to be read, with what to do instead of the forms."""
    page = visit(PATH, java_script_enabled=False).page

    expect(page.get_by_role("heading", level=1)).to_have_text("Breakers")
    expect(page.locator("#summary")).to_have_text("Everything works.")
    expect(card(page, "redis")).to_contain_text("Closed: calls are made")
    expect(page.get_by_text("Orders from this page need JavaScript")).to_be_visible()
    expect(page.locator("#link")).to_contain_text("Reload")
    assert page.locator("form:visible").count() == 0
