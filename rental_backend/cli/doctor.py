"""`flask doctor`: what is wrong with this installation, and how to fix it."""

import json
from dataclasses import asdict

import click
from flask import current_app

from ..doctor.checks import Installation
from ..doctor.examination import examine
from ..doctor.findings import Severity
from ..web.middleware import logs

COLOURS = {Severity.PASS: "green", Severity.WARN: "yellow", Severity.FAIL: "red", Severity.SKIP: "blue"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def doctor(as_json: bool) -> None:
    """Check settings, dependencies, schema, rights, folders and programs; name a fix for each finding.

    Nothing is changed. Exits with 0 if all is well, with 1 if there is anything to fix (WARN or FAIL). The command
    needs nothing that it checks, and takes two seconds at most.
    """
    logs.configure("CRITICAL")
    findings = examine(Installation(current_app.extensions["services"]))
    wrong = [finding for finding in findings if finding.level in (Severity.WARN, Severity.FAIL)]
    if as_json:
        click.echo(json.dumps({"healthy": not wrong, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            click.echo(click.style(f"{finding.level:4}", fg=COLOURS[finding.level]) + str(finding)[4:])
        click.echo(f"{len(wrong)} to mend." if wrong else "All is well.")
    if wrong:
        raise click.exceptions.Exit(1)
