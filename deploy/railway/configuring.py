"""The commands on the settings of a service: validate, diff, apply."""

from deploy.railway.client import NotDone, Unknown
from deploy.railway.context import Context, Online
from deploy.railway.exits import Exit, NoVerdict, UsageError
from deploy.railway.findings import Severity, summary
from deploy.railway.platform import Service
from deploy.railway.report import Result
from deploy.railway.settings import Settings, drift, validate


def validated(context: Context, settings: Settings) -> Result:
    """Check the file alone."""
    found = summary(validate(settings, context.environ, context.clock.today()), "railway.json")
    return Result(Exit.USAGE if found.code else Exit.OK, found.summary, found.lines, found.data)


def diff(context: Online, settings: Settings, service: Service) -> Result:
    """Compare the file with the platform; the exit code says whether they differ."""
    return _told(service, drift(settings, context.railway.instance(service)))


def apply(context: Online, settings: Settings, service: Service) -> Result:
    """Bring the settings to the platform, once, and read that they are there; the next deployment has them."""
    found = validate(settings, context.environ, context.clock.today())
    if wrong := [str(each) for each in found if each.level is Severity.FAIL]:
        raise UsageError(f"railway.json is not valid, nothing was changed: {'; '.join(wrong)}")
    differing = drift(settings, context.railway.instance(service))
    if not differing or context.dry_run:
        told = _told(service, differing)
        return Result(Exit.OK, told.summary, told.lines, told.data)
    try:
        context.railway.update(service, {name: ours for name, (_, ours) in differing.items()})
    except NotDone as error:
        raise NoVerdict(f"nothing was changed: {error}") from None
    except Unknown as error:
        context.report.say(f"{error}: looking whether it was done; it is not asked for again")
    left = drift(settings, context.railway.instance(service))
    if left:
        return _told(service, left)
    names = ", ".join(differing)
    return Result(
        Exit.OK,
        f"{service.name} has {names} as in railway.json, from its next deployment on",
        data={"changed": list(differing)},
    )


def _told(service: Service, differing: dict[str, tuple[object, object]]) -> Result:
    lines = tuple(
        f"{name}: {theirs!r} on the platform, {ours!r} in railway.json" for name, (theirs, ours) in differing.items()
    )
    data = {"drift": {name: {"platform": theirs, "file": ours} for name, (theirs, ours) in differing.items()}}
    if not differing:
        return Result(Exit.OK, f"{service.name} is set as railway.json says", data=data)
    return Result(Exit.FAILED, f"{service.name} differs from railway.json in {len(differing)} settings", lines, data)
