"""What each command does: it puts together what it needs, and returns a result."""

import argparse
from collections.abc import Callable, Mapping

from deploy.railway import configuring, cors, logs, offline, slots, switching
from deploy.railway.client import Client, Token
from deploy.railway.clock import Clock
from deploy.railway.context import Context, Online
from deploy.railway.deploying import Rollout, deploy
from deploy.railway.diagnosing import Subject, diagnose
from deploy.railway.exits import Exit, NeedsHuman, Unauthorised, UsageError
from deploy.railway.findings import Finding, failed, passed, summary
from deploy.railway.monitor import Watched, result, watch
from deploy.railway.platform import Railway
from deploy.railway.probe import Probe
from deploy.railway.report import Report, Result
from deploy.railway.resources import RESOURCES
from deploy.railway.revisions import Repository
from deploy.railway.rollback import Rollback, roll_back
from deploy.railway.settings import Settings
from deploy.railway.smoke import lines, smoke

VARIABLES = (
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_PUBLIC_URL",
    "DATABASE_UNPOOLED_URL",
    "REDIS_URL",
    "SMOKE_PASSWORD",
)
Options = argparse.Namespace


def run(options: Options, environ: Mapping[str, str], clock: Clock, report: Report) -> Result:
    """Carry out a command. Raises `ToolError`."""
    context = Context(
        clock=clock,
        report=report,
        environ=environ,
        deadline=clock.now() + options.timeout,
        dry_run=options.dry_run,
    )
    if options.command == "diagnose":
        return _diagnose(options, context)
    if options.command == "config" and options.action == "validate":
        return configuring.validated(context, Settings.read())
    if options.command in ("cors", "smoke") and options.base:
        return _asked(options, context, Probe(options.base))
    online = _online(options, context)
    if options.command == "bluegreen":
        return _bluegreen(options, online)
    return COMMANDS[options.command](options, online)


def _online(options: Options, context: Context) -> Online:
    token = Token.from_environ(context.environ)
    if token is None:
        raise UsageError("RAILWAY_TOKEN or RAILWAY_API_TOKEN opens the platform; neither is set")
    client = Client(options.api_url, token, context.clock, deadline=context.deadline)
    railway = Railway.of(client, context.environ)
    return Online(
        railway=railway,
        clock=context.clock,
        report=context.report,
        environ=context.environ,
        deadline=context.deadline,
        dry_run=context.dry_run,
    )


def _diagnose(options: Options, context: Context) -> Result:
    if options.offline:
        return summary(offline.check(context, Repository()), "this checkout")
    return summary([*offline.files(context, Repository()), *_diagnose_live(options, context)], options.service)


def _diagnose_live(options: Options, context: Context) -> list[Finding]:
    try:
        online = _online(options, context)
        service = online.railway.service(options.service)
    except Unauthorised as error:
        mend = "RAILWAY_TOKEN is for project tokens, RAILWAY_API_TOKEN for tokens of an account or workspace"
        return [failed("token", str(error), mend)]
    except UsageError as error:
        return [failed("usage", str(error), "see the settings of the project")]
    token = passed("token", f"the {'project' if online.railway.client.token.of_project else 'account'} token is good")
    subject = Subject(service=service, settings=Settings.read(), base=options.base, origins=options.origin)
    return [token, *diagnose(online, subject)]


def _asked(options: Options, context: Context, probe: Probe) -> Result:
    if options.command == "cors":
        return summary(cors.check(probe, options.origin), f"browsers at {probe.base}")
    if context.dry_run:
        return Result(Exit.OK, f"would go through {len(RESOURCES)} resources at {probe.base}", tuple(lines(RESOURCES)))
    return summary(smoke(probe, context.environ, RESOURCES, context.report), f"smoke test of {probe.base}")


def _ask(options: Options, context: Online) -> Result:
    return _asked(options, context, context.probe(context.railway.service(options.service)))


def _config(options: Options, context: Online) -> Result:
    act = configuring.diff if options.action == "diff" else configuring.apply
    return act(context, Settings.read(), context.railway.service(options.service))


def _deploy(options: Options, context: Online) -> Result:
    service = context.railway.service(options.service)
    wanted = Rollout(
        service=service,
        probe=context.probe(service, options.base),
        repository=Repository(),
        commit=options.commit,
        soak=options.soak,
        rollback=not options.no_rollback,
    )
    return deploy(context, wanted)


def _monitor(options: Options, context: Online) -> Result:
    service = context.railway.service(options.service)
    watched_id = options.deployment or _live(context, options.service)
    beside = context.probe(context.railway.service(options.beside)) if options.beside else None
    watched = Watched(
        service=service, deployment=watched_id, here=context.probe(service, options.base), elsewhere=beside
    )
    return result(watch(context, watched, options.soak), watched_id)


def _live(context: Online, name: str) -> str:
    found = next((each for each in context.railway.deployments(context.railway.service(name)) if each.serves), None)
    if found is None:
        raise NeedsHuman(f"no deployment of {name} serves; `diagnose` says why")
    return found.id


def _rollback(options: Options, context: Online) -> Result:
    service = context.railway.service(options.service)
    probe = context.probe(service, options.base)
    wanted = Rollback(service=service, probe=probe, repository=Repository(), target=options.to, freeze=options.freeze)
    return roll_back(context, wanted)


def _logs(options: Options, context: Online) -> Result:
    service = context.railway.service(options.service)
    return logs.read(
        context, service, options.deployment, kind=options.kind, lines=options.lines, wanted=options.filter
    )


def _bluegreen(options: Options, context: Online) -> Result:
    names = {"router": options.router, "blue": options.blue, "green": options.green}
    found = slots.find(context, names, options.base)
    if options.action == "status":
        return switching.status(found)
    wanted = switching.Switch(
        slots=found,
        repository=Repository(),
        origins=options.origin,
        soak=getattr(options, "soak", 0),
        switch_back=options.action == "switch" and not options.no_switch_back,
    )
    if options.action == "verify":
        return switching.verified(context, wanted)
    if options.action == "deploy":
        return switching.deploy_idle(context, wanted, options.commit)
    return switching.switch(context, wanted, back=options.action == "rollback")


COMMANDS: dict[str, Callable[[Options, Online], Result]] = {
    "cors": _ask,
    "smoke": _ask,
    "config": _config,
    "deploy": _deploy,
    "monitor": _monitor,
    "rollback": _rollback,
    "logs": _logs,
}
