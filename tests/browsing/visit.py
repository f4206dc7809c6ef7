"""One look at a page in the browser, and what must be true of each: quiet, self-contained, and for everybody."""

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
PATIENCE = 10_000  # milliseconds to wait for what must happen
AXE = """async levels => (await axe.run(document, {runOnly: {type: "tag", values: levels}})).violations
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.target}: ${node.failureSummary}`))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Visit:
    """A context of its own with one page, and everything that the page has complained of or fetched from elsewhere."""

    site: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, browser: Browser, site: str, **options: Any) -> "Visit":
        """Open an empty page: `viewport`, `color_scheme`, `java_script_enabled` and so on are playwright's."""
        context = browser.new_context(**{"base_url": site, "viewport": DESKTOP, "reduced_motion": "reduce", **options})
        context.set_default_timeout(PATIENCE)
        visit = cls(site, context, context.new_page())
        visit.page.on("console", visit._heard)
        visit.page.on("pageerror", visit._failed)
        context.on("request", visit._asked)
        return visit

    def end(self) -> None:
        """Close it; fails if the page was not quiet and self-contained."""
        self.context.close()
        assert self.complaints == []
        assert self.abroad == []

    def offences(self) -> list[str]:
        """Return what offends against WCAG, levels A and AA, as far as axe can tell."""
        self.page.evaluate(axe())
        found: list[str] = self.page.evaluate(AXE, LEVELS)
        return found

    def too_wide(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        found: int = self.page.evaluate(WIDER)
        return found

    def allow(self, complaint: str) -> None:
        """Take a complaint back that was to be expected, such as that of a refusal by the server; there must be one."""
        kept = [each for each in self.complaints if complaint not in each]
        assert len(kept) < len(self.complaints), self.complaints
        self.complaints[:] = kept

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _failed(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(self.site):
            self.abroad.append(request.url)


@lru_cache(maxsize=1)
def axe() -> str:
    """Return axe-core, as a kept package brings it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
