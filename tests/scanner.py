"""No secret is told: what the application says during a whole run of the tests is searched for those that it used.

Searched are what tests print and log in this process, the logs of gunicorn, and every refusal and health answer that a
client sees. Looked for are the keys and passwords of all settings, what clients send as passwords and tokens, and
whatever looks like a token, a hash or a URL with a password. A find fails the run; it names the place, not the secret.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from rental_backend.config import Config
from tests import factories

SHAPES = {
    "a token": re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}"),
    "a hash": re.compile(r"\$argon2id?\$v=|\$2[aby]\$\d\d\$[./\w]{20}"),
    "a URL with a password": re.compile(r"\b(postgres\w*|rediss?)(\+\w+)?://[^/\s:@\"]*:[^/\s@\"]+@"),
}
# A token of which pytest shows a part only is hidden, too.
HIDDEN = (re.compile(r"eyJ[\w-]{4,}[\w.-]*"), re.compile(r"\$argon2id?\$[^\s'\"]+|\$2[aby]\$\d\d\$[./\w]{20,}"))
CUT = re.compile(r"['\"]([^'\"\n]+)\.\.\.([^'\"\n]*)['\"]")  # how pytest shows a long text in short
SETTINGS = ("secret_key", "break_glass_hash", "admin_password", "otlp_headers")
URLS = ("database_url", "auth_database_url", "database_unpooled_url", "redis_url")
SENT = {"password", "current_password", "new_password", "token", "refresh_token"}
SHORTEST = 12  # shorter ones that tests send may be words that are said for another reason


class Scanner:
    """Knows the secrets of the run, and where any of them was told."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.searched = 0
        self._known: set[str] = set()

    def keep(self, *secrets: str) -> None:
        """Look for these from now on."""
        self._known.update(each for each in secrets if len(each) >= SHORTEST)

    def keep_settings(self, config: Config) -> None:
        """Look for the secrets of a configuration."""
        urls = (urlsplit(getattr(config, name)).password or "" for name in URLS)
        self.keep(*(getattr(config, name) for name in SETTINGS), *config.secret_keys_old, *urls)

    def keep_sent(self, body: object) -> None:
        """Look for the passwords and tokens of a body, as well as for those of an answer."""
        if isinstance(body, dict):
            texts = (value for name, value in body.items() if name in SENT and isinstance(value, str))
            self.keep(*(text for text in texts if "@" not in text))  # an address is a bad password, and no secret

    def search(self, place: str, text: str) -> None:
        """Note if any secret is in a text."""
        self.searched += 1
        kinds = [kind for kind, shape in SHAPES.items() if shape.search(text)]
        kinds += ["a secret of this run"] if any(secret in text for secret in self._known) else []
        self.found += [f"{place}: {kind}" for kind in kinds]

    def search_file(self, path: Path) -> None:
        """Search a file."""
        self.search(str(path), path.read_text(errors="replace"))

    def search_answer(self, place: str, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Search a refusal, or an answer about health; others are for whoever may see what they hold."""
        if status >= 400 or "/health" in place:
            self.search(place, "\n".join([*map(": ".join, headers), body.decode(errors="replace")]))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Keep secrets out of what is said of a failure: an assertion shows what it compares, such as an answer."""
        report: Any = yield
        if report.longrepr is not None:
            self._hide(report.longrepr)
        return report

    def _hide(self, shown: Any) -> Any:
        """Return a text without secrets; of anything else, rid the texts within of them, and return it."""
        if isinstance(shown, str):
            for secret in (*self._known, *(found for shape in HIDDEN for found in shape.findall(shown))):
                shown = shown.replace(secret, "[hidden]")
            return CUT.sub(self._without_parts, shown)
        if isinstance(shown, list | tuple):
            return type(shown)(map(self._hide, shown))
        for name, value in getattr(shown, "__dict__", {}).items():
            if isinstance(value, str | list | tuple) or type(value).__module__.startswith("_pytest."):
                object.__setattr__(shown, name, self._hide(value))
        return shown

    def _without_parts(self, cut: re.Match[str]) -> str:
        begin, end = cut.groups()
        known = any(secret.startswith(begin) and secret.endswith(end) for secret in self._known)
        return "'[hidden]'" if known else cut.group()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Search what a test has printed and logged, with its fixtures."""
        for title, text in report.sections:
            self.search(f"{report.nodeid} ({title})", text)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has found."""
        self.found += getattr(node, "workeroutput", {}).get("secrets", [])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run in which a secret was told."""
        if hasattr(session.config, "workeroutput"):  # a worker of pytest-xdist: its controller ends the run
            session.config.workeroutput["secrets"] = self.found
        elif self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name the places."""
        if self.found:
            terminalreporter.section("secrets told")
            for place in sorted(set(self.found)):
                terminalreporter.line(place)


SCANNER = Scanner()
SCANNER.keep(factories.PASSWORD)


def watch(scanner: Scanner) -> None:
    """Have every client and every configuration of this process seen by a scanner."""
    _after(FlaskClient, "open", functools.partial(_see_flask, scanner))
    _after(requests.Session, "send", functools.partial(_see_requests, scanner))
    _after(Config, "__init__", lambda config, *_, **__: scanner.keep_settings(config[0]))


def _after(owner: type, name: str, see: Callable[..., None]) -> None:
    """Have `see(arguments, result, named arguments)` called after each call of a method."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def seen(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        see(args, result, kwargs)
        return result

    setattr(owner, name, seen)


def _see_flask(scanner: Scanner, _: tuple[Any, ...], answer: Any, sent: dict[str, Any]) -> None:
    scanner.keep_sent(sent.get("json"))
    if answer.content_length is not None:  # a stream may never end
        place = f"{answer.request.method} {answer.request.path}"
        if answer.is_json and answer.status_code < 400:
            scanner.keep_sent(_read(answer.get_data()))
        scanner.search_answer(place, answer.status_code, answer.headers.items(), answer.get_data())


def _see_requests(scanner: Scanner, _: tuple[Any, ...], answer: requests.Response, sent: dict[str, Any]) -> None:
    if sent.get("stream"):
        return
    scanner.keep_sent(_read(answer.request.body or b""))
    place = f"{answer.request.method} {urlsplit(answer.url).path}"
    scanner.search_answer(place, answer.status_code, answer.headers.items(), answer.content)


def _read(body: Any) -> Any:
    try:
        return json.loads(body)
    except (ValueError, TypeError):
        return None
