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
from .findings import Finding, Level, failed, passed, skipped, warned

COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "red", Level.SKIP: "blue"}
PATIENCE = 1.0  # seconds


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def doctor(as_json: bool) -> None:
    """Check settings, dependencies, schema, rights, folders and programs; name a fix for each finding.

    Nothing is changed. Exits with 0 if all is well, with 1 if there is anything to fix (WARN or FAIL). The command
    needs nothing that it checks, and takes two seconds at most.
    """
    logs.configure("CRITICAL")
    from .examination import examine  # brings Alembic

    app = application()
    findings = examine(app, partial(service, app.config["SETTINGS"].port))
    wrong = [each for each in findings if each.level in (Level.WARN, Level.FAIL)]
    if as_json:
        click.echo(json.dumps({"healthy": not wrong, "findings": [asdict(each) for each in findings]}))
    else:
        for each in findings:
            click.echo(click.style(f"{each.level:4}", fg=COLOURS[each.level]) + str(each)[4:])
        click.echo(f"{len(wrong)} to mend." if wrong else "All is well.")
    if wrong:
        raise click.exceptions.Exit(1)


def service(port: int) -> Iterator[Finding]:
    """Look at the service that runs on this host, if one does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/breakers", timeout=PATIENCE) as answer:
            said: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        yield failed("service", f"it answers {error.code} on port {port}", "look at its log; is it ours?")
        return
    except (OSError, ValueError):
        yield skipped("service", f"nobody answers on port {port} of this host", "start it, or set PORT to its port")
        return
    away = [each["name"] for each in said["breakers"] if each["state"] != "closed"]
    if away:
        mend = "see the findings of these; `flask breakers` tells since when, and when they are tried again"
        yield failed("service", f"it runs, and does not call {', '.join(away)}", mend)
    elif said["mode"] != "normal":
        said_mode = f"it runs in the mode {said['mode']}"
        yield warned("service", said_mode, "`flask mode` says why; `flask mode normal --reason …` ends it")
    else:
        yield passed("service", f"it runs on port {port}, and calls all it depends on")
