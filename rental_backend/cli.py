"""The `flask` commands: migrate, create the administrator, and those of `seed`."""

import secrets

import click
from flask import Flask, current_app

from . import seed
from .accounts import service
from .config import Config
from .errors import AppError
from .infra.dependencies import Dependencies
from .web import logs


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(migrate)
    app.cli.add_command(create_admin)
    app.cli.add_command(seed.seed)


@click.command()
def migrate() -> None:
    """Bring the database to the newest revision."""
    from alembic import command, config  # only this command needs it

    logs.configure("WARNING")
    command.upgrade(config.Config("alembic.ini"), "head")
    click.echo("The database is at the newest revision.")


@click.command("create-admin")
def create_admin() -> None:
    """Create the first administrator, from ADMIN_USERNAME, ADMIN_EMAIL and ADMIN_PASSWORD, if there is no user yet."""
    config: Config = current_app.config["SETTINGS"]
    dependencies: Dependencies = current_app.extensions["dependencies"]
    logs.configure("ERROR")
    dependencies.start()
    dependencies.wait_until_settled(5)
    password = config.admin_password or secrets.token_urlsafe(12)
    try:
        with dependencies.identity.database.transaction() as session:
            made = service.create_administrator(
                session, dependencies.identity, config.admin_username, config.admin_email, password
            )
    except AppError as error:
        raise click.ClickException(error.detail) from None
    if not made:
        click.echo("There are users already; no administrator was created.")
    elif config.admin_password:
        click.echo(f"Administrator {config.admin_username} created, with the password of ADMIN_PASSWORD.")
    else:
        click.echo(f"Administrator {config.admin_username} created. Password, shown only this once: {password}")
