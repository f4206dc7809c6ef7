"""The page of Swagger UI: operations are for everybody, and are tried out in the name of who signed in."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy.orm import Session

from tests import factories

from .conftest import Visitor
from .visit import PHONE, Visit

PATHS = ("/api/customers", "/api/customers/{id}")  # all methods, with and without parameters and a body
PARAMETERS = ("id", "limit", "customer_tier", "is_active", "Idempotency-Key")
PHONE_IN_THE_DARK: dict[str, Any] = {"viewport": PHONE, "color_scheme": "dark"}


def few(route: Route) -> None:
    """Let the page have few operations with few parameters and answers, for which it takes a tenth of the time."""
    answer = route.fetch()
    document = answer.json()
    document["tags"] = []
    document["paths"] = {path: document["paths"][path] for path in PATHS}
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["parameters"] = [each for each in operation.get("parameters", []) if each["name"] in PARAMETERS]
        code, first = next(iter(operation["responses"].items()))
        operation["responses"] = {code: first | {"headers": {}}}
    route.fulfill(response=answer, json=document)


def sign_in(page: Page, session: Session) -> None:
    """Sign in by the form on the page, as somebody who may look at customers, of whom there is one."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW",))
    factories.customer(session, customer_code="C-TRIED")
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#signed-in")).to_contain_text("Signed in")


def opened(page: Page, name: str) -> Locator:
    """Open an operation of the customers, and whatever it offers to be filled in."""
    operation = page.locator(f"#operations-customers-customers_{name}")
    operation.locator("button.opblock-summary-control").click()
    assert page.url.endswith(f"#/customers/customers_{name}")
    operation.get_by_role("button", name="Try it out").click()
    return operation


def executed(operation: Locator, told: str) -> None:
    """Ask the service, and be told this."""
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text(told)


def holds(visit: Visit) -> None:
    """What the page shows now offends nobody, and is no wider than the window."""
    assert visit.offences() == []
    assert visit.too_wide() <= 0


@pytest.mark.parametrize("look", [PHONE_IN_THE_DARK, {}], ids=("phone", "desk"))
@pytest.mark.full
def test_an_opened_operation_is_for_everybody(visit: Visitor, look: dict[str, Any]) -> None:
    """Parameters, a body, an answer and a schema have names, contrast and size enough for WCAG A and AA."""
    seen = visit("about:blank", **look)
    page = seen.page
    page.route("**/openapi.json", few)
    page.goto("/docs")
    page.locator("#operations-tag-customers button.expand-operation").first.click()
    browse, create = opened(page, "browse"), opened(page, "create")
    expect(browse.get_by_label("customer_tier", exact=True)).to_be_enabled()
    expect(create.get_by_label("Request body")).to_be_editable()
    executed(browse, "Sign-in required")
    create.locator("button.tablinks", has_text="Schema").last.click()
    holds(seen)
    seen.allow("401")


@pytest.mark.parametrize("look", [PHONE_IN_THE_DARK, {}], ids=("phone", "desk"))
@pytest.mark.full
def test_all_of_it_is_for_everybody(visit: Visitor, session: Session, look: dict[str, Any]) -> None:
    """With every operation there is: closed, tried out, signed in by the dialogue, and the schemas opened."""
    seen = visit("/docs", **look)
    page = seen.page
    page.set_default_timeout(30_000)  # a megabyte of scripts, and every operation
    page.locator(".opblock-tag").first.wait_for()
    holds(seen)
    sign_in(page, session)

    page.locator("#operations-tag-customers button.expand-operation").first.click()
    executed(opened(page, "browse"), "C-TRIED")
    holds(seen)

    page.locator("button.authorize").first.click()
    dialogue = page.get_by_role("dialog", name="Available authorizations")
    holds(seen)
    dialogue.get_by_role("button", name="Logout").click()
    dialogue.get_by_label("Value").fill("a token")
    holds(seen)
    dialogue.locator(".close-modal").click()

    page.locator("button.models-control").click()
    page.locator(".models .json-schema-2020-12-expand-deep-button").first.click()
    holds(seen)
