"""`flask doctor`: what is wrong with this installation, and how to fix it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from ..web.endpoint.context import application
from ..web.middleware import logs
from .findings import Finding, Severity, failed, passed, skipped, warned

COLOURS = {Severity.PASS: "green", Severity.WARN: "yellow", Severity.FAIL: "red", Severity.SKIP: "blue"}
PATIENCE = 1.0  # seconds


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Examine settings, dependencies, schema, rights, folders and programs; say what mends each finding.

    Nothing is changed. Exits with 0 if all is well, with 1 if there is anything to mend (WARN or FAIL). It needs
    nothing that it examines, and takes two seconds at the most.
    """
    logs.configure("CRITICAL")
    from .examination import examine  # brings Alembic

    app = application()
    findings = examine(app, partial(service, app.config["SETTINGS"].port))
    wrong = [finding for finding in findings if finding.level in (Severity.WARN, Severity.FAIL)]
    if as_json:
        click.echo(json.dumps({"healthy": not wrong, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(click.style(f"{finding.level:4}", fg=COLOURS[finding.level]) + str(finding)[4:])
        click.echo(f"{len(wrong)} to mend." if wrong else "All is well.")
    if wrong:
        raise click.exceptions.Exit(1)


def service(port: int) -> Iterator[Finding]:
    """Check the service that runs on this host, if one does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/breakers", timeout=PATIENCE) as response:
            report: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        yield failed("service", f"it answers {error.code} on port {port}", "look at its log; is it ours?")
        return
    except (OSError, ValueError):
        yield skipped("service", f"nobody answers on port {port} of this host", "start it, or set PORT to its port")
        return
    not_closed = [breaker["name"] for breaker in report["breakers"] if breaker["state"] != "closed"]
    if not_closed:
        mend = "see the findings of these; `flask breakers` tells since when, and when they are tried again"
        yield failed("service", f"it runs, and does not call {', '.join(not_closed)}", mend)
    elif report["mode"] != "normal":
        message = f"it runs in the mode {report['mode']}"
        yield warned("service", message, "`flask mode` says why; `flask mode normal --reason …` ends it")
    else:
        yield passed("service", f"it runs on port {port}, and calls all it depends on")
