"""`flask breakers`: the breakers of the running service, as a live table or as JSON, and orders to them."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import click

from ..resilience import CLOSED, HALF_OPEN, OPEN
from .operate import call_service

PATH = "/health/breakers"
COLOURS = {CLOSED: "green", HALF_OPEN: "yellow", OPEN: "red"}
FORCED = "magenta"  # an operator's order, which no probe ends
HEADS = ("breaker", "state", "for", "tried again", "ok", "failed", "slow", "at work", "refused", "cause")
LAST = 8  # events shown
TOP = "\x1b[H\x1b[2J"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; with --watch an object in each line.")
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@click.option("--every", default=1.0, type=click.FloatRange(0.2), show_default=True, help="Seconds between refreshes.")
@click.pass_context
def breakers(context: click.Context, as_json: bool, watch: bool, every: float) -> None:
    """Show the breakers of the service on this host, or give an order to a breaker.

    Orders apply to all workers at once. `ok`, `failed` and `slow` count the calls of the window, `at work` the calls
    under way and their limit, `refused` the calls refused by the worker that answered.
    """
    while context.invoked_subcommand is None:
        report = call_service("GET", PATH)
        shown = json.dumps(_without_operations(report)) if as_json else "\n".join(table(report))
        click.echo(shown if as_json or not watch else TOP + shown)
        if not watch:
            return
        time.sleep(every)


REASON = click.option("--reason", required=True, help="The reason, for the audit log.")
SECONDS = click.option("--for", "seconds", type=click.IntRange(1, 86400), required=True, help="Duration in seconds.")


def _order(name: str, state: str, reason: str, seconds: int) -> None:
    click.echo(json.dumps(call_service("PUT", _path(name), {"state": state, "reason": reason, "seconds": seconds})))


def _path(name: str) -> str:
    return f"breakers/{quote(name, safe='')}"


@breakers.command("open")
@click.argument("name")
@REASON
@SECONDS
def force_open(name: str, reason: str, seconds: int) -> None:
    """Refuse every call of a dependency for a time."""
    _order(name, "forced-open", reason, seconds)


@breakers.command("close")
@click.argument("name")
@REASON
@SECONDS
def force_closed(name: str, reason: str, seconds: int) -> None:
    """Make every call of a dependency for a time, even if the calls fail."""
    _order(name, "forced-closed", reason, seconds)


@breakers.command("metrics-only")
@click.argument("name")
@REASON
@SECONDS
def metrics_only(name: str, reason: str, seconds: int) -> None:
    """Make every call of a dependency for a time, and only count failures."""
    _order(name, "metrics-only", reason, seconds)


@breakers.command()
@click.argument("name")
@REASON
def reset(name: str, reason: str) -> None:
    """End an order, close the breaker and start to count anew."""
    click.echo(json.dumps(call_service("POST", f"{_path(name)}/reset", {"reason": reason})))


def _without_operations(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name != "operations"}


def table(report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table, with colours; words say the same as the colours."""
    mode = report["ordered"]
    why = f" ({mode['reason']}, by {mode['actor']})" if mode.get("reason") else ""
    healthy = report["status"] == "healthy"
    yield click.style(report["status"], fg="green" if healthy else "red", bold=True) + f", mode {mode['mode']}{why}"
    yield ""
    yield from _align_columns([HEADS, *(_row(breaker) for breaker in report["breakers"])])
    yield ""
    yield from _events(report["breakers"])
    degraded = [operation for operation in report["operations"] if operation["answer"] != "full"]
    yield f"{len(degraded)} of {len(report['operations'])} operations are not answered in full."


def _row(breaker: dict[str, Any]) -> tuple[str, ...]:
    window, calls = breaker["window"], breaker["calls"]
    return (
        breaker["name"],
        breaker["state"],
        _format_duration(breaker["for_seconds"]),
        f"in {breaker['retry_after']:g} s" if breaker["retry_after"] else "-",
        *(str(window[name]) for name in ("successes", "failures", "slow")),
        f"{calls['in_flight']}/{calls['limit']}" if calls else "-",
        str(breaker["rejected"]),
        breaker["cause"] or "-",
    )


def _align_columns(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if number:
            cells[1] = click.style(cells[1], fg=COLOURS.get(row[1], FORCED), bold=True)
        yield "  ".join(cells).rstrip() if number else click.style("  ".join(cells).rstrip(), underline=True)


def _events(breakers: Iterable[dict[str, Any]]) -> Iterator[str]:
    events = sorted((event["at"], breaker["name"], event) for breaker in breakers for event in breaker["events"])
    for at, name, event in events[-LAST:]:
        error = f" ({event['error']})" if event["error"] else ""
        yield f"{at[:19]}Z  {name}: {event['from']} -> {event['to']}: {event['cause']}{error}"
    if events:
        yield ""


def _format_duration(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
