"""The command line: what each command takes, and the one place where errors become exit codes."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from deploy.railway import commands
from deploy.railway.client import API
from deploy.railway.clock import Clock
from deploy.railway.exits import ToolError
from deploy.railway.logs import KINDS
from deploy.railway.report import Report, Result, secrets_of

CODES = """exit codes:
  0  done, or all is well                    5  refused, failed or ambiguous: somebody has to look
  1  a check failed                          6  the platform could not be asked: no verdict
  2  wrong usage or configuration            7  another deployment is in flight
  3  not live; the version before serves     8  no verdict in time
  4  unhealthy; rolled back and verified

RAILWAY_TOKEN (of one environment) or RAILWAY_API_TOKEN (with RAILWAY_PROJECT_ID and RAILWAY_ENVIRONMENT_ID) opens the
platform. Neither they nor values of variables are ever shown."""


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # it has no public name


def parser() -> argparse.ArgumentParser:
    """Declare every command with its options."""
    top = argparse.ArgumentParser(
        prog="deploy/railway-tool",
        description="Deploy, watch, diagnose, roll back and switch slots on Railway.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands_ = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_checks, _changes, _slots, _reads):
        add(commands_)
    return top


def _command(among: "Commands", name: str, help: str, *, service: bool = True) -> argparse.ArgumentParser:
    made = among.add_parser(name, help=help, description=help)
    made.add_argument("--json", action="store_true", help="one JSON object on standard output")
    made.add_argument("--dry-run", action="store_true", help="say what would be done; change nothing")
    made.add_argument("--timeout", type=float, default=1800, help="seconds for all of it (%(default)s)")
    made.add_argument("--api-url", default=os.environ.get("RAILWAY_API_URL", API), help=argparse.SUPPRESS)
    if service:
        made.add_argument("--service", default="api", help="name of the service (%(default)s)")
        made.add_argument("--base", help="where it answers, if not at its own domain")
    return made


def _checks(among: "Commands") -> None:
    made = _command(among, "diagnose", "Name what is wrong, and what mends it.")
    made.add_argument("--offline", action="store_true", help="only what needs no token")
    made.add_argument("--origin", action="append", default=[], help="an origin whose pages must be let in")
    made = _command(among, "cors", "Ask as browsers do.")
    made.add_argument("--origin", action="append", required=True, help="an origin whose pages must be let in")
    _command(among, "smoke", "Create, read, change and retire every resource; leave no trace.")
    made = among.add_parser("config", help="The service's settings, from deploy/railway.json.")
    actions = made.add_subparsers(dest="action", required=True, metavar="ACTION")
    _command(actions, "validate", "Check types, values and the time a stop takes.", service=False)
    _command(actions, "diff", "Compare with the platform; 1 if they differ.")
    _command(actions, "apply", "Bring them to the platform, and read them back.")


def _changes(among: "Commands") -> None:
    made = _command(among, "deploy", "Deploy, watch, and roll back if this build is broken.")
    made.add_argument("--commit", help="the commit (the one the service is set to)")
    _soak(made)
    made.add_argument("--no-rollback", action="store_true", help="leave a broken build in place")
    made = _command(among, "monitor", "Watch a deployment, and tell whether it is healthy.")
    made.add_argument("--deployment", help="its id (the live one)")
    made.add_argument("--beside", help="the service of the other slot, to compare with")
    _soak(made)
    made = _command(among, "rollback", "Go back to a deployment that was live.")
    made.add_argument("--to", metavar="ID", help="which (the newest before the live one)")
    made.add_argument("--freeze", action="store_true", help="have pushes deploy no more")


def _slots(among: "Commands") -> None:
    made = among.add_parser("bluegreen", help="Two slots behind a router.")
    actions = made.add_subparsers(dest="action", required=True, metavar="ACTION")
    told = {
        "status": "Say which slot is active, and what each runs.",
        "deploy": "Deploy the idle slot, and check it through the router.",
        "verify": "Check the idle slot through the router.",
        "switch": "Make the idle slot the active one; back again if it alone is broken.",
        "rollback": "Switch back to the idle slot, which was active before.",
    }
    for name, meaning in told.items():
        each = _command(actions, name, meaning, service=False)
        each.add_argument("--router", default="router", help="name of the router's service (%(default)s)")
        each.add_argument("--blue", default="api-blue", help="name of the blue service (%(default)s)")
        each.add_argument("--green", default="api-green", help="name of the green service (%(default)s)")
        each.add_argument("--base", help="where the router answers, if not at its own domain")
        each.add_argument("--origin", action="append", default=[], help="an origin whose pages must be let in")
        if name == "deploy":
            each.add_argument("--commit", help="the commit (the one the service is set to)")
        if name in ("switch", "rollback"):
            _soak(each)
        if name == "switch":
            each.add_argument("--no-switch-back", action="store_true", help="leave a broken build in place")


def _reads(among: "Commands") -> None:
    made = _command(among, "logs", "Read a log of a deployment, that of a failed one too.")
    made.add_argument("--deployment", help="its id (the newest)")
    kind = made.add_mutually_exclusive_group()
    for name in KINDS:
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name, default="deploy")
    made.add_argument("--lines", type=int, default=100, help="how many (%(default)s)")
    made.add_argument("--filter", help="a filter of the platform, such as @level:error")


def _soak(made: argparse.ArgumentParser) -> None:
    made.add_argument("--soak", type=float, default=300, help="seconds to watch (%(default)s)")


def main(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    output: TextIO | None = None,
    errors: TextIO | None = None,
) -> int:
    """Run a command and return its exit code."""
    options = parser().parse_args(arguments)
    environ, clock = os.environ if environ is None else environ, clock or Clock()
    report = Report(clock, as_json=options.json, output=output, errors=errors or sys.stderr)
    report.hide(environ.get(name, "") for name in ("RAILWAY_TOKEN", "RAILWAY_API_TOKEN"))
    report.hide(secrets_of({name: value for name, value in environ.items() if name in commands.VARIABLES}))
    name = " ".join(filter(None, (options.command, getattr(options, "action", None))))
    try:
        result = commands.run(options, environ, clock, report)
    except ToolError as error:
        result = Result(error.code, str(error))
    except KeyboardInterrupt:
        result = Result(ToolError.code, "interrupted; what was begun goes on at the platform (`monitor` follows it)")
    return report.finish(name, result)
