"""The command that adds reference data, and the patient database of commands that run for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click
from flask import current_app

from ..config import Config
from ..errors import AppError
from ..infra.container import Services
from ..infra.postgres.database import Database
from ..seed import add_reference_data
from ..web.middleware import logs


@click.command()
def seed() -> None:
    """Add the permissions, roles and settings that this version expects and the database lacks."""
    with patient_database(30) as database, database.transaction() as session:
        added = add_reference_data(session)
    click.echo(str(added))


@contextmanager
def patient_database(deadline: float) -> Iterator[Database]:
    """Give the database of the configuration, with `deadline` seconds for each answer; its errors end the command.

    Nobody waits for a command as a user waits for a page: one replica may have to wait for another that does the same,
    and a large load for its foreign keys. What protects requests from that must not end it.
    """
    logs.configure("ERROR")
    config: Config = current_app.config["SETTINGS"]
    patient = replace(config, database_deadline=deadline, database_connect_deadline=5)
    database = Services(patient).database
    database.breaker.probe(database.probe)
    try:
        yield database
    except AppError as error:
        raise click.ClickException(error.detail) from None
    finally:
        database.close()
