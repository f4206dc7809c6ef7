"""The `flask` commands: migrate, preflight, release, create-admin, purge, restore, and commands of other modules."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict, Unpack

import click
from flask import current_app

from ..accounts.auth import service
from ..accounts.auth.passwords import require_good
from ..accounts.security import retention
from ..config import Config
from ..errors import AppError
from ..infra.container import Services
from ..infra.postgres.backups import BackupFailed
from ..infra.runtime.retention import RetentionJob
from ..web.middleware import logs
from . import breakers, operate
from .demo import demo
from .doctor import doctor
from .seed import patient_database, seed

if TYPE_CHECKING:
    from ..infra.migration import Migrator


Option = Callable[[Callable[..., None]], Callable[..., None]]


def _seconds(name: str, default: float, least: float, meaning: str) -> Option:
    return click.option(name, default=default, type=click.FloatRange(least), show_default=True, help=meaning)


TARGET = click.option("--to", "target", default="head", show_default=True, help="Target revision.")
WAIT = _seconds("--wait", 300, 0, "Total seconds to wait for the server, another run and tables in use.")
LOCKS = _seconds("--lock-timeout", 2, 0.1, "Seconds that an attempt may block writers.")
STATEMENTS = _seconds("--statement-timeout", 300, 0.1, "Seconds that a statement may take.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
REVISIONS = click.option(
    "--config", envvar="ALEMBIC_CONFIG", type=click.Path(path_type=Path), help="Path of another alembic.ini."
)


class MigratorOptions(TypedDict, total=False):
    """How a migrator is made: all that the options above say; what a command has no option for is usual."""

    wait: Required[float]
    config: Required[Path | None]
    lock_timeout: float
    statement_timeout: float


@click.command()
@TARGET
@WAIT
@LOCKS
@STATEMENTS
@click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing.")
@AS_JSON
@REVISIONS
def migrate(target: str, dry_run: bool, as_json: bool, **how: Unpack[MigratorOptions]) -> None:
    """Migrate the database to the newest revision. Over all replicas one run is made at a time.

    \b
    Exit codes:
      0  migrated, nothing to do, or the database is newer than this version
      1  a revision failed; earlier revisions stay
      3  the database cannot be reached
      4  another run did not end in time
      5  a table was in use all the time; earlier revisions stay
      6  preflight found rows that would stop a revision; nothing was changed
      7  the database is too new for this version
    """
    with _as_exit_code(as_json):
        migrator = _migrator(**how)
        summary = migrator.plan(target) if dry_run else migrator.migrate(target)
        click.echo(json.dumps(asdict(summary)) if as_json else str(summary))


@click.command()
@WAIT
@click.option("--admin", is_flag=True, help="Create the first administrator, too, as `create-admin` does.")
@click.pass_context
def release(context: click.Context, wait: float, admin: bool) -> None:
    """Prepare the database for a release: migrate, then add reference data. It has the exit codes of `migrate`."""
    context.invoke(migrate, wait=wait)
    context.invoke(seed)
    if admin:
        context.invoke(create_admin)


@click.command()
@TARGET
@WAIT
@STATEMENTS
@click.option("--limit", default=100, show_default=True, help="Rows to list for each cause.")
@AS_JSON
@REVISIONS
def preflight(target: str, limit: int, as_json: bool, **how: Unpack[MigratorOptions]) -> None:
    """List rows that would stop the pending revisions; change nothing. Exits with 1 if there are such rows."""
    with _as_exit_code(as_json):
        findings = _migrator(**how).preflight(target, limit)
        if as_json:
            click.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
        else:
            click.echo("\n".join(map(str, findings)) or "No row would stop a migration.")
    if findings:
        raise click.exceptions.Exit(1)


def _migrator(*, wait: float, config: Path | None, **timeouts: float) -> "Migrator":
    from ..infra import migration  # only these commands need Alembic

    settings: Config = current_app.config["SETTINGS"]
    url = settings.database_unpooled_url or settings.database_url
    if not url:
        raise click.UsageError("Set DATABASE_URL to the database that is to be migrated.")
    say = partial(click.echo, err=True)
    return migration.Migrator(migration.Server(url, **timeouts), config or migration.CONFIG, wait=wait, say=say)


@contextmanager
def _as_exit_code(as_json: bool) -> Iterator[None]:
    """End the command with a migration error's exit code, and its message as the last line."""
    logs.configure("ERROR")
    from ..infra.migration import BadRowsFound, MigrationError

    try:
        yield
    except MigrationError as error:
        findings = error.findings if isinstance(error, BadRowsFound) else ()
        if as_json:
            result = {"outcome": error.code.name.lower(), "error": str(error), "findings": list(map(asdict, findings))}
            click.echo(json.dumps(result))
        for finding in findings:
            click.echo(str(finding), err=True)
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(error.code) from None


@click.command()
def purge() -> None:
    """Delete expired sessions, reset tokens, sign-in attempts and log entries now, as the server does every hour."""
    with patient_database(30) as database:
        retention_job = RetentionJob(database)
        retention_job.delete_with(retention.purge)
        deleted = [f"{rows} {table}" for table, rows in retention_job.run().items() if rows]
    click.echo(f"Deleted: {', '.join(deleted) or 'nothing'}.")


@click.command("create-admin")
def create_admin() -> None:
    """Create the first administrator, if there is no user yet.

    Name, address and password are ADMIN_USERNAME, ADMIN_EMAIL and ADMIN_PASSWORD.
    """
    config: Config = current_app.config["SETTINGS"]
    services: Services = current_app.extensions["services"]
    logs.configure("ERROR")
    services.start()
    services.wait_until_settled(5)
    password = config.admin_password or secrets.token_urlsafe(12)
    try:
        with services.identity.database.transaction() as session:
            created = service.create_administrator(
                session, services.identity, config.admin_username, config.admin_email, password
            )
            if created:
                require_good(password, config.admin_username, config.admin_email, field="ADMIN_PASSWORD")
    except AppError as error:
        raise click.ClickException(error.detail) from None
    if not created:
        click.echo("There are users already; no administrator was created.")
    elif config.admin_password:
        click.echo(f"Administrator {config.admin_username} created, with the password of ADMIN_PASSWORD.")
    else:
        click.echo(f"Administrator {config.admin_username} created. Password, shown only this once: {password}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(file: Path) -> None:
    """Restore a backup into the empty database of DATABASE_URL. All of the backup is restored, or nothing."""
    logs.configure("ERROR")
    services: Services = current_app.extensions["services"]
    try:
        services.backups.restore(file)
    except (AppError, BackupFailed) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Restored from {file}. Bring it to this version with `flask migrate`.")


COMMANDS: tuple[click.Command, ...] = (
    *(migrate, preflight, release, create_admin, purge, seed, demo, restore),
    *(operate.mode, operate.drill, operate.log_level, breakers.breakers, doctor),
)
