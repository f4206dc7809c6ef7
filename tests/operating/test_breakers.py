"""`flask breakers`: a table of the running service that says in words what it shows in colour."""

import itertools
import json
from collections.abc import Callable

import pytest
from flask import Flask

from rental_backend.cli import breakers as watching
from tests.serving import free_port, until

from .conftest import run, told


def test_all_breakers_are_shown(served: Flask) -> None:
    """Each with its state, counts and events; coloured on a terminal only."""
    plain, coloured = run(served, "breakers"), run(served, "breakers", colour=True)

    assert plain.exit_code == 0, plain.output
    rows = {line.split()[0]: line.split() for line in plain.output.splitlines() if line}
    for name in ("database", "redis", "auth"):
        assert rows[name][1] == "closed"
    assert "\x1b[" not in plain.output
    assert "\x1b[32m\x1b[1mclosed" in coloured.output
    assert "half-open -> closed" in plain.output
    assert plain.output.endswith("operations are not answered in full.\n")


def test_an_outage_is_seen(served: Flask) -> None:
    """The breaker that does not call is red, with its cause and when it is tried again."""
    served.extensions["services"].cache.breaker.force_open(reason="a test", actor="ann")

    shown = run(served, "breakers", colour=True).output

    line = next(line for line in shown.splitlines() if line.startswith("redis"))
    assert "\x1b[35m\x1b[1mforced-open" in line
    assert "ann: a test" in line
    assert shown.startswith("\x1b[31m\x1b[1mdegraded")


def test_programs_get_json(served: Flask) -> None:
    """The same as `/health/breakers`, without the operations; with --watch one line each time."""
    said = told(run(served, "breakers", "--json"))

    assert {each["name"] for each in said["breakers"]} == {"database", "redis", "auth"}
    assert "operations" not in said


def test_it_goes_on(served: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --watch it asks again and again, until Ctrl-C."""
    pauses = itertools.count()

    def pause(seconds: float) -> None:
        assert seconds == 0.2
        if next(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", pause)
    done = run(served, "breakers", "--json", "--watch", "--every", "0.2")

    lines = [line for line in done.output.splitlines() if line.startswith("{")]
    assert [json.loads(line)["status"] for line in lines] == ["healthy"] * 3
    assert done.exit_code == 1


@pytest.mark.parametrize("command", [("breakers",), ("log-level",), ("mode",)])
def test_where_nobody_serves_it_is_said(build: Callable[..., Flask], command: tuple[str, ...]) -> None:
    """In one line with the port, and not by exit code 0."""
    app = build(PORT=str(port := free_port()))

    done = run(app, *command)

    assert done.exit_code == 1
    assert done.output == f"Error: Nobody answers on port {port} of this host. Is PORT that of the service?\n"


def test_the_level_of_the_log_is_ordered(served: Flask) -> None:
    """With a reason, for a while; it is shown, and no other level is taken."""
    done = run(served, "log-level", "error", "--reason", "too much", "--for", "60")

    assert done.exit_code == 0, done.output
    assert told(done)["level"] == "ERROR"
    shown = told(run(served, "log-level"))
    assert (shown["level"], shown["usual"], shown["reason"]) == ("ERROR", "WARNING", "too much")
    assert run(served, "log-level", "info").exit_code == 2  # without a reason
    assert run(served, "log-level", "loud", "--reason", "x").exit_code == 2
    assert run(served, "log-level", "warning", "--reason", "done", "--for", "1").exit_code == 0
    until(lambda: "reason" not in told(run(served, "log-level")), 5, "it runs out")


def test_a_breaker_is_ordered(served: Flask) -> None:
    """Open, closed, metrics only, and back: with a reason and an end; the answer says what is in force."""
    breaker = served.extensions["services"].cache.breaker
    for order, state in (("open", "forced-open"), ("close", "forced-closed"), ("metrics-only", "metrics-only")):
        done = run(served, "breakers", order, "redis", "--reason", "a test", "--for", "60")
        assert done.exit_code == 0, done.output
        said = told(done)
        assert (said["state"], breaker.current_state, said["order"]["reason"]) == (state, state, "a test")
        assert said["order"]["actor"].startswith("flask (")
    table = run(served, "breakers").output
    assert "metrics-only" in table
    assert "a test" in table

    reset = run(served, "breakers", "reset", "redis", "--reason", "done")

    assert (reset.exit_code, told(reset)["order"], breaker.current_state) == (0, None, "closed")
    assert run(served, "breakers", "open", "redis", "--for", "60").exit_code == 2  # without a reason
    assert run(served, "breakers", "open", "redis", "--reason", "x").exit_code == 2  # without an end
    unknown = run(served, "breakers", "open", "no/such one", "--reason", "x", "--for", "1")
    assert (unknown.exit_code, unknown.output.startswith("Error: ")) == (1, True)
