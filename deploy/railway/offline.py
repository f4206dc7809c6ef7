"""What can be diagnosed without the platform: the checkout, an environment, and the database if it is near."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from deploy.railway import checkout
from deploy.railway.budget import shipped
from deploy.railway.context import Context
from deploy.railway.database import Database, look
from deploy.railway.exits import NeedsHuman, UsageError
from deploy.railway.findings import Finding, failed, passed, skipped, warned
from deploy.railway.revisions import Repository
from deploy.railway.settings import Settings, validate
from rental_backend.doctor.examination import of_variables
from rental_backend.doctor.variables import LOCAL, REQUIRED, Variables, connections

PRIVATE = ".railway.internal"


def check(context: Context, repository: Repository) -> list[Finding]:
    """Diagnose the checkout, and the environment where it looks like that of a service."""
    found = [*files(context, repository)]
    if any(context.environ.get(name) for name in REQUIRED):
        seen = look(context.environ)
        limit = seen.limit if isinstance(seen, Database) else None
        found += environment(Variables(values=context.environ, slots=2, replicas=_replicas(), limit=limit))
        found += _revision(seen)
    else:
        found.append(skipped("environment", "the variables of a service are not set here", "run it where they are"))
        found += connections(Variables(values={**shipped(), **context.environ}, slots=2, replicas=_replicas()))
    return found


def files(context: Context, repository: Repository) -> list[Finding]:
    """Diagnose the checkout alone."""
    return [*_settings(context), *_revisions(repository)]


def _settings(context: Context) -> list[Finding]:
    try:
        return validate(Settings.read(), context.environ, context.clock.today())
    except UsageError as error:
        return [failed("config-file", str(error), "take deploy/railway.json from the repository")]


def _replicas() -> int:
    try:
        return int(Settings.read().deploy.get("numReplicas", 1))
    except (UsageError, TypeError, ValueError):
        return 1


def _revisions(repository: Repository) -> Iterator[Finding]:
    """Compare migrations/head with the files: two branches may each have brought a newest one."""
    files = sorted(path.name.partition("_")[0] for path in checkout.file("migrations/versions").glob("[0-9]*.py"))
    head = checkout.file("migrations/head").read_text().strip()
    if not files or head != files[-1]:
        yield failed(
            "migrations-head", f"migrations/head says {head}, the newest file {files[-1:]}", "name the newest in it"
        )
        return
    try:
        committed = repository.head()
    except NeedsHuman as error:
        yield skipped("migrations-head", str(error))
        return
    if committed != head:
        yield warned("migrations-head", f"{head} is not committed, so no deployment has it", "commit and push it")
    else:
        yield passed("migrations-head", f"the newest revision is {head}")


def environment(variables: Variables) -> Iterator[Finding]:
    """Diagnose the variables of a service, as its own doctor does and as the platform's; values are never told."""
    yield from of_variables(variables)
    for name in ("DATABASE_URL", "REDIS_URL"):
        if url := variables.text(name):
            yield from _address(name, url)
    yield from _port(variables.text("PORT"))


def _address(name: str, url: str) -> Iterator[Finding]:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        yield failed("url-unreadable", f"{name} cannot be read as a URL", "is its password percent-encoded?")
        return
    if "${{" in url:
        yield failed(
            "url-reference", f"{name} holds a reference that was not replaced", "does the service it names exist?"
        )
    elif host in LOCAL:
        mend = f"refer to the server's own variable: ${{{{{'Postgres' if name.startswith('D') else 'Redis'}.{name}}}}}"
        yield failed("url-local", f"{name} points into the container itself", mend)
    elif not host.endswith(PRIVATE):
        said = f"{name} goes by a public address: slower, paid for, and open to the internet"
        yield warned("url-public", said, f"use the private domain, *{PRIVATE}")
    else:
        yield passed("url-private", f"{name} goes by the private network")


def _port(port: str) -> Iterator[Finding]:
    if not port:
        yield warned(
            "port-unset", "PORT is chosen by the platform, so neighbours cannot know it", "PORT=8080 for slots"
        )
    elif not port.isdecimal() or not 1 <= int(port) <= 65535:
        yield failed("port-number", "PORT is no port number", "PORT=8080")
    else:
        yield passed("port", f"PORT is {port}")


def _revision(seen: Database | str) -> Iterator[Finding]:
    """Compare the revision of the database, if it can be reached from here, with that of this checkout."""
    if isinstance(seen, str):
        yield skipped("database", seen, "run it where the database can be reached")
        return
    head = checkout.file("migrations/head").read_text().strip()
    if seen.revision == head:
        yield passed("database-revision", f"the database is at {head}, as this checkout")
    elif seen.revision is None:
        mend = "`flask migrate`; for the predecessor's database first `alembic stamp 202508190531`"
        yield failed("database-unstamped", "the database has no revision", mend)
    else:
        said = f"the database is at {seen.revision}, this checkout at {head}"
        yield warned("database-revision", said, "`flask migrate`")
