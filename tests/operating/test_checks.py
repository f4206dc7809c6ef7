"""One list of checks stands behind the doctor, the detailed health and the tool for Railway."""

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest
from flask import Flask

from deploy.railway.cli import main
from deploy.railway.clock import Clock
from rental_backend.config import Config
from rental_backend.config.config import ENVIRONMENTS
from rental_backend.config.reading import ConfigError
from rental_backend.doctor import examination
from rental_backend.doctor.checks import CHECKS, Check, Installation
from rental_backend.doctor.findings import Finding, Severity, passed
from rental_backend.doctor.variables import SHORTEST_KEY, Variables, origins, required, secret_key
from tests.conftest import Caller
from tests.serving import ROOT

from .conftest import run, told

ADDED = "a-check-that-is-new"
KEY = "Zb3kT9w-QpX7uYhR2nVdLs84JmCfGa6E"
HEALTH = "/api/health/detailed"
TOOL = ("diagnose", "--offline", "--json")


def found(_: object) -> list[Finding]:
    """Find something, whatever is looked at."""
    return [passed(ADDED, "it is looked at")]


def by_doctor(app: Flask) -> list[dict[str, str]]:
    """Return what the doctor finds."""
    findings: list[dict[str, str]] = told(run(app, "doctor", "--json"))["findings"]
    return findings


def by_tool() -> list[dict[str, str]]:
    """Return what the tool for Railway finds in variables, without asking anybody."""
    output = io.StringIO()
    main(TOOL, environ={"SECRET_KEY": KEY}, clock=Clock(), output=output, errors=io.StringIO())
    findings: list[dict[str, str]] = json.loads(output.getvalue())["findings"]
    return findings


def codes(findings: Iterable[dict[str, str]]) -> set[str]:
    """Return the codes of findings."""
    return {each["code"] for each in findings}


@pytest.mark.parametrize(
    ("check", "views"),
    [
        (Check(name=ADDED, here=found, waits=True), {"doctor"}),
        (Check(name=ADDED, here=found, waits=False), {"doctor", "health"}),
        (Check(name=ADDED, here=found, waits=True, of_variables=found), {"doctor", "tool"}),
        (Check(name=ADDED, here=found, waits=False, of_variables=found), {"doctor", "health", "tool"}),
    ],
    ids=["waits", "waits for nothing", "waits here only", "of variables"],
)
def test_a_check_that_is_added_is_shown_where_it_belongs(
    app: Flask, signed_in: Caller, monkeypatch: pytest.MonkeyPatch, check: Check, views: set[str]
) -> None:
    """The doctor shows every check, health what waits for nothing, the tool what needs variables only."""
    client = signed_in("SYSTEM_VIEW")
    monkeypatch.setattr(examination, "CHECKS", (*CHECKS, check))

    shown = {"doctor": by_doctor(app), "health": client.get(HEALTH).get_json()["findings"], "tool": by_tool()}

    assert {view for view, findings in shown.items() if ADDED in codes(findings)} == views


def test_health_shows_what_waits_for_nothing_beside_the_dependencies(app: Flask, signed_in: Caller) -> None:
    """In the words and the form of the doctor, without a secret; each dependency is a row of `checks`, as ever."""
    answer = signed_in("SYSTEM_VIEW").get(HEALTH)
    shown, config = answer.get_json(), app.config["SETTINGS"]

    assert [{*each} for each in shown["findings"]] == [{"level", "code", "message", "mend"}] * len(shown["findings"])
    assert {"settings", "secret-key", "break-glass", "cors-setting", "journal-folder"} <= codes(shown["findings"])
    assert not {"database", "connections", "schema", "redis", "service"} & codes(shown["findings"])
    assert [{*each} for each in shown["checks"]] == [{"name", "status", "message", "all_columns"}] * 3
    same = examination.at_once(Installation(app.extensions["services"]))
    assert [each["code"] for each in shown["findings"]] == [each.code for each in same]
    for secret in (config.secret_key, config.database_url, config.redis_url, config.journal_folder):
        assert secret not in answer.text


def test_what_is_declared_to_wait_for_nothing_asks_nothing(build: Callable[..., Flask]) -> None:
    """All that the doctor asks is one port: the doctor connects to it, and the detailed health does not."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        silent = f"nobody:hidden-word@127.0.0.1:{port}"
        databases = ("DATABASE_URL", "AUTH_DATABASE_URL", "DATABASE_REPLICA_URL")
        urls = dict.fromkeys(databases, f"postgresql://{silent}/shop")
        places = {"REDIS_URL": f"redis://{silent}/0", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        here = Installation(build(**urls, **places, PORT=str(port)).extensions["services"])
        listener.setblocking(False)

        findings = examination.at_once(here)

        assert not came(listener)
        assert "hidden-word" not in str(findings)
        assert [each for each in findings if "check itself failed" in each.message] == []
        examination.examine(here)
        assert came(listener)


def came(listener: socket.socket) -> bool:
    """Tell whether a client has connected to a port."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_a_check_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch, build: Callable[..., Flask]) -> None:
    """In health and in the tool as in the doctor, and what the error says is not repeated."""

    def fail(_: object) -> list[Finding]:
        raise ValueError("a secret")

    monkeypatch.setattr(
        examination, "CHECKS", (Check(name="broken", here=fail, waits=False, of_variables=fail), *CHECKS)
    )
    findings = examination.at_once(Installation(build().extensions["services"]))
    of_variables = examination.of_variables(Variables(values={"SECRET_KEY": KEY}))

    for each in (findings, of_variables):
        assert (each[0].code, each[0].level) == ("broken", Severity.FAIL)
        assert "secret-key" in {finding.code for finding in each}
        assert "a secret" not in str(each)


@pytest.mark.parametrize("environment", ["", *ENVIRONMENTS])
@pytest.mark.parametrize("missing", ["", "SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_what_is_required_is_what_a_start_requires(environment: str, missing: str) -> None:
    """Variables of which a check fails are refused by the program, and the others are taken."""
    whole = {"SECRET_KEY": KEY, "DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"}
    values = {**whole, "ENVIRONMENT": environment} | ({missing: ""} if missing else {})

    assert faulty(required, values) == refused(values)


@pytest.mark.parametrize("length", [SHORTEST_KEY - 1, SHORTEST_KEY])
def test_a_key_is_as_long_as_a_start_requires(length: int) -> None:
    """The program and the check draw the line at the same length."""
    values = {"ENVIRONMENT": "test", "SECRET_KEY": (KEY * 2)[:length]}

    assert faulty(secret_key, values) == refused(values) == (length < SHORTEST_KEY)


@pytest.mark.parametrize("origin", ["https://[shop", "*", "shop.example", "https://shop.example/"])
def test_an_origin_that_is_none_allows_nobody(origin: str) -> None:
    """Also one that cannot be read as an address."""
    (finding,) = origins(Variables(values={"CORS_ORIGINS": f"https://shop.example, {origin}"}))

    assert (finding.code, finding.level) == ("cors-setting", Severity.FAIL)
    assert finding.message == f"{origin} in CORS_ORIGINS is no origin, so it allows nobody"


def faulty(check: Callable[[Variables], Iterable[Finding]], values: dict[str, str]) -> bool:
    """Tell whether a check of variables fails."""
    return any(each.level is Severity.FAIL for each in check(Variables(values=values)))


def refused(values: dict[str, str]) -> bool:
    """Tell whether the program refuses to start with these variables."""
    try:
        Config.from_environ(values)
    except ConfigError:
        return True
    return False


def test_the_tool_makes_its_checks_with_the_standard_library() -> None:
    """No package of the application is needed where variables alone are looked at."""
    environ = {"PATH": os.environ["PATH"], "SECRET_KEY": KEY}
    command = [sys.executable, "-S", "-m", "deploy.railway", *TOOL]

    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert {"secret-key", "break-glass", "cors-setting", "connections"} <= codes(json.loads(done.stdout)["findings"])
