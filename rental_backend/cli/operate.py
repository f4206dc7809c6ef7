"""Commands of an operator to a running service: `flask mode`, `flask drill` and `flask log-level`.

They call the service on this host, with a token that they sign themselves: everybody who has its key may. That needs no
account, so it works in an outage.
"""

import json
import os
import pwd
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

import click
from flask import current_app

from ..config import LOG_LEVELS
from ..infra.container import Services
from ..infra.identity import break_glass
from ..infra.runtime.fault_injection import KINDS
from ..infra.runtime.modes import Mode

TIMEOUT = 5.0
ORDERS = "/api/operations/"
TOKEN_SECONDS = 30


# D48: the running service is asked.
def call_service(method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
    """Call the service on this host, and return its answer.

    The command ends if the service refuses or does not run. `path` is below `/api/operations/`, unless it begins with a
    slash.
    """
    port = current_app.config["SETTINGS"].port
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {_token()}", "Content-Type": "application/json"}
    place = f"http://127.0.0.1:{port}{path if path.startswith('/') else ORDERS + path}"
    request = urllib.request.Request(place, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            reply = response.read()
    except urllib.error.HTTPError as error:
        raise click.ClickException(_detail(error.read()) or str(error)) from None
    except OSError:
        raise click.ClickException(
            f"Nobody answers on port {port} of this host. Is PORT that of the service?"
        ) from None
    return json.loads(reply) if reply else None


def _token() -> str:
    services: Services = current_app.extensions["services"]
    name = f"flask ({pwd.getpwuid(os.getuid()).pw_name})"
    scopes = frozenset({"SYSTEM_MAINTENANCE"})
    tokens = services.identity.tokens
    return tokens.sign("access", break_glass.ID, name, session=uuid.uuid4(), scopes=scopes, seconds=TOKEN_SECONDS)[0]


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""


@click.command()
@click.argument("mode", required=False, type=click.Choice([mode.value for mode in Mode]))
@click.option("--reason", help="The reason, for the audit log. Required with a mode.")
@click.option(
    "--for", "seconds", type=click.IntRange(1), help="Duration in seconds. The default is until the next order."
)
@click.option("--keep", is_flag=True, help="Keep the mode after a restart of the service.")
def mode(mode: str | None, reason: str | None, seconds: int | None, keep: bool) -> None:
    """Show the mode of the service on this host, or change it in all workers at once."""
    if mode is None:
        click.echo(json.dumps(call_service("GET", "mode")))
        return
    if not reason:
        raise click.UsageError("Give a reason: --reason.")
    click.echo(
        json.dumps(call_service("PUT", "mode", {"mode": mode, "reason": reason, "seconds": seconds, "keep": keep}))
    )


@click.command("log-level")
@click.argument("level", required=False, type=click.Choice(LOG_LEVELS, case_sensitive=False))
@click.option("--reason", help="The reason, for the audit log. Required with a level.")
@click.option(
    "--for", "seconds", type=click.IntRange(1, 86400), default=600, show_default=True, help="Duration in seconds."
)
def log_level(level: str | None, reason: str | None, seconds: int) -> None:
    """Show the log level of the service on this host, or change it in all workers for a time."""
    if level is None:
        click.echo(json.dumps(call_service("GET", "log-level")))
        return
    if not reason:
        raise click.UsageError("Give a reason: --reason.")
    click.echo(
        json.dumps(call_service("PUT", "log-level", {"level": level.upper(), "reason": reason, "seconds": seconds}))
    )


@click.command()
@click.argument("breaker", required=False)
@click.argument("kind", required=False, type=click.Choice([*KINDS, "end"]))
@click.option("--reason", help="The reason, for the audit log. Required with a kind.")
@click.option("--share", default=1.0, show_default=True, help="Share of the calls that fail, above 0 and up to 1.")
@click.option("--latency", default=0.0, help="Seconds added to each call, for the kind latency.")
@click.option("--for", "seconds", type=click.IntRange(1), default=60, show_default=True, help="Duration in seconds.")
def drill(
    breaker: str | None, kind: str | None, reason: str | None, share: float, latency: float, seconds: int
) -> None:
    """Inject a fault into the calls of a dependency, or end the fault. Refused in production."""
    if breaker is None:
        click.echo(json.dumps(call_service("GET", "drills")))
    elif kind == "end":
        call_service("DELETE", f"drills/{breaker}")
    elif kind is None or not reason:
        raise click.UsageError("Give a kind of fault and a reason: --reason.")
    else:
        order = {"kind": kind, "reason": reason, "share": share, "latency": latency, "seconds": seconds}
        click.echo(json.dumps(call_service("PUT", f"drills/{breaker}", order)))
