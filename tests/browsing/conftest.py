"""One browser for the whole run, and a real server whose dependencies can be swallowed by the network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from deploy.private.browser import find
from deploy.private.servers import PostgresServer, RedisServer
from tests import factories
from tests.infra.status_history.history_rows import remembered
from tests.proxy import Proxy
from tests.serving import Gunicorn, serving

from .visit import Visit

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
Visitor = Callable[..., Visit]


@dataclass
class Site:
    """A served shop, and the roads to its dependencies."""

    server: Gunicorn
    database: Proxy
    cache: Proxy

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser without a window and without a past."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(
    settings: dict[str, str],
    postgres: PostgresServer,
    redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Two workers, everything up; whoever takes a road away gives it back."""
    folder = tmp_path_factory.mktemp("site")
    database, cache = Proxy(postgres.port or 0), Proxy(redis.port or 0)
    environ = {
        **settings,
        "DATABASE_URL": settings["DATABASE_URL"].replace(f":{postgres.port}/", f":{database.port}/"),
        "REDIS_URL": settings["REDIS_URL"].replace(f":{redis.port}/", f":{cache.port}/"),
        "JOURNAL_FOLDER": str(folder / "journal"),
        "BREAK_GLASS_HASH": factories.HASH,
        "WEB_CONCURRENCY": "2",
        "PROBE_HEARTBEAT": "0.5",  # so that an outage is noticed soon, though nobody calls
    }
    remembered(folder / "journal")
    with serving(environ, folder / "gunicorn.log") as server:
        yield Site(server, database, cache)
    database.close()
    cache.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visitor]:
    """Open a page: `visit("/docs", viewport=PHONE)`. At the end of the test each must have been quiet."""
    begun: list[Visit] = []

    def open_page(path: str, **options: Any) -> Visit:
        begun.append(Visit.begin(browser, site.url, **options))
        begun[-1].page.goto(path)
        return begun[-1]

    yield open_page
    for each in begun:
        each.end()
