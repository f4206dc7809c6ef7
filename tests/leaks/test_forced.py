"""A fault in any layer tells nothing of what it was about: no password, token or hash, and nothing personal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from rental_backend.accounts.models import User
from tests import factories
from tests.infra.telemetry.collector import collecting
from tests.scanner import SCANNER, Scanner
from tests.serving import ROOT, Gunicorn, until

pytestmark = pytest.mark.long

EMAIL = "adelheid.plantagenet@planted.example"
PERSON = {
    "first_name": "Adelheid-Marguerite",
    "last_name": "Plantagenet-Lancaster",
    "email": EMAIL,
    "phone": "+44 20 7946 0991",
    "address_line1": "77 Planted Lane North",
    "tax_number": "GB-PLANTED-7788",
}
PASSWORD = "velvet lantern orbit 31"
PLANTED = [*PERSON.values(), PASSWORD]
SCANNER.keep(*PLANTED)
CUSTOMER = {"customer_code": "P-1", "customer_type": "INDIVIDUAL", **PERSON}
QUERY = {"search": PERSON["last_name"]}
WRITES = (
    *(
        "admission",
        "authentication",
        "identity",
        "parsing",
        "unit of work",
        "service",
        "encoding",
        "commit",
        "response",
    ),
    *("after the view", "server"),
)
READS = ("encoding", "stale answers")
BEHIND = {  # what fails on its own, and the event of its line
    "thread": "nobody caught an error in a thread",
    "finalizer": "nobody caught an error in a finalizer",
    "background": "chore failed",
    "audit outbox": "not stored",
}
TELLING = """
CREATE FUNCTION tell_all() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'cannot take %', NEW USING DETAIL = NEW::text, HINT = NEW::text; END $$;
CREATE TRIGGER tell_all BEFORE INSERT ON customers FOR EACH ROW
    WHEN (NEW.notes = 'driver') EXECUTE FUNCTION tell_all();
CREATE CONSTRAINT TRIGGER tell_late AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.notes = 'late') EXECUTE FUNCTION tell_all();
CREATE TRIGGER tell_all BEFORE INSERT ON users FOR EACH ROW
    WHEN (NEW.email = '{email}') EXECUTE FUNCTION tell_all();
CREATE TRIGGER tell_all BEFORE INSERT ON security_audit_logs FOR EACH ROW
    WHEN (NEW.action = 'LEAK') EXECUTE FUNCTION tell_all();
"""


@pytest.fixture
def telling(session: Session) -> Iterator[None]:
    """A database whose errors say all that the row holds."""
    session.execute(text(TELLING.format(email=EMAIL)))
    session.commit()
    yield
    session.rollback()
    session.execute(text("DROP FUNCTION tell_all CASCADE"))
    session.commit()


class Sabotaged:
    """The service with its faults, somebody who is signed in, and all that was answered."""

    def __init__(self, server: Gunicorn, username: str) -> None:
        self.server, self.answers = server, list[bytes]()
        entered = self.ask("POST", "/api/auth/login", json={"username": username, "password": factories.PASSWORD})
        assert entered.status_code == 200, entered.text
        self.answers.clear()
        self.tokens = [entered.json()[name] for name in ("access_token", "refresh_token")]

    def ask(self, method: str, path: str, fault: str = "", **sent: Any) -> requests.Response:
        """Send a request that meets a fault."""
        headers = {"X-Fault": fault, **sent.pop("headers", {})}
        if hasattr(self, "tokens"):
            headers["Authorization"] = f"Bearer {self.tokens[0]}"
        answer = requests.request(method, self.server.url + path, headers=headers, timeout=20, **sent)
        self.answers.append(f"{answer.headers}".encode() + answer.content)
        return answer

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log of an event."""
        found = [json.loads(line) for line in self.server.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in found if event in line["event"]]


@contextmanager
def _sabotaged(environ: dict[str, str], log: Path, username: str) -> Iterator[Sabotaged]:
    server = Gunicorn({**environ, "PLANTED": EMAIL}, log, "tests.leaks.sabotage:app")
    try:
        until(lambda: server.answers("/health/ready?strict=1"), 30, f"see {log}")
        yield Sabotaged(server, username)
    finally:
        server.stop()


def _force(service: Sabotaged) -> None:
    """Meet every fault once; each is 500, or leaves its line in the log."""
    for fault in WRITES:
        answer = service.ask("POST", "/api/customers/", fault, params=QUERY, json=CUSTOMER)
        assert (answer.status_code, answer.json()["status"]) == (500, 500), fault
    for fault in READS:
        assert service.ask("GET", "/api/customers/", fault, params=QUERY).status_code == 500, fault
    for notes in ("driver", "late"):
        assert (
            service.ask(
                "POST", "/api/customers/", json={**CUSTOMER, "customer_code": notes, "notes": notes}
            ).status_code
            == 500
        ), notes
    user = {"email": EMAIL, "full_name": PERSON["last_name"], "password": PASSWORD}
    assert service.ask("POST", "/api/users/", json=user).status_code == 500
    assert (
        service.ask("POST", "/api/customers/", "repeats", json=CUSTOMER, headers={"Idempotency-Key": "1"}).status_code
        == 500
    )
    entering = {"username": EMAIL, "password": PASSWORD}
    assert service.ask("POST", "/api/auth/login", "redis", json=entering).status_code == 500
    with suppress(requests.RequestException):  # broken off
        service.ask("GET", "/api/customers/export", "stream", params=QUERY)
    with suppress(requests.RequestException):
        service.ask("GET", "/api/customers/", "teardown", params=QUERY)
    for fault, event in BEHIND.items():
        service.ask("POST", "/api/customers/validate", fault, params=QUERY, json=CUSTOMER)
        until(lambda event=event: service.lines(event), 15, f"{fault}: {event}")  # type: ignore[misc]


@pytest.mark.usefixtures("telling")
def test_a_fault_in_any_layer_tells_nothing(session: Session, settings: dict[str, str], tmp_path: Path) -> None:
    """Neither in the log nor in any answer, in health, metrics, spans, or what is kept on the disk."""
    user = factories.user(session, username="clerk-of-leaks", password=factories.shipped(), is_superuser=True)
    environ = {**settings, "WEB_CONCURRENCY": "1", "JOURNAL_FOLDER": str(tmp_path / "journal"), "LOG_LEVEL": "DEBUG"}
    with collecting() as collector:
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        with _sabotaged(environ, tmp_path / "log", user.username) as service:
            _force(service)
            for path in ("/health", "/health/detailed", "/health/breakers", "/metrics", "/status.json", "/api/health"):
                service.ask("GET", path)
            written = len(service.lines("unexpected error"))
            failed = len(service.lines("failed outside of the application")) + len(service.lines("Error handling"))
            assert service.lines("not warmed")
        spans = collector.raw

    scanner = Scanner()
    scanner.keep(*PLANTED, *service.tokens, factories.PASSWORD, settings["SECRET_KEY"])
    scanner.search("the log", (tmp_path / "log").read_text())
    scanner.search("a span", spans.decode(errors="replace"))
    for answer in service.answers:
        scanner.search("an answer", answer.decode(errors="replace"))
    assert written >= len(WRITES) + len(READS)
    assert failed >= 2
    assert len(spans) > 10_000
    assert scanner.found == []
    assert session.scalars(select(User.email).where(User.email == EMAIL)).all() == []


@pytest.mark.parametrize("command", ["create-admin", "seed"])
@pytest.mark.usefixtures("telling")
def test_a_command_that_fails_tells_nothing(session: Session, settings: dict[str, str], command: str) -> None:
    """On standard output and on standard error; it fails, and says where."""
    if command == "seed":
        session.execute(text("CREATE TRIGGER tell_all BEFORE INSERT ON roles FOR EACH ROW EXECUTE FUNCTION tell_all()"))
        session.commit()
    environ = {
        **settings,
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "ADMIN_EMAIL": EMAIL,
        "ADMIN_PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    scanner = Scanner()
    scanner.keep(*PLANTED, settings["SECRET_KEY"])
    scanner.search("the command", done.stdout + done.stderr)
    assert done.returncode == 1
    assert "SQLSTATE P0001" in done.stderr
    assert "cannot take" not in done.stdout + done.stderr
    assert scanner.found == []
