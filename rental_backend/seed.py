"""Reference data: what the code expects to find in every database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import click
from flask import current_app
from sqlalchemy.orm import Session

from .accounts.access.seed import add_permissions_and_roles
from .config import Config
from .errors import AppError
from .infra.container import Services
from .infra.postgres.database import Database
from .settings.business.seed import add_company, add_settings
from .web.middleware import logs


@dataclass(frozen=True, slots=True)
class Added:
    """How many rows of each kind were missing."""

    permissions: int
    roles: int
    settings: int
    company: int

    def __str__(self) -> str:
        new = [f"{count} {kind}" for kind, count in asdict(self).items() if count]
        return f"Reference data added: {', '.join(new)}." if new else "The reference data is complete."


def add_reference_data(session: Session) -> Added:
    """Store what is missing of permissions, roles, settings and the company; nothing that is there is changed."""
    permissions, roles = add_permissions_and_roles(session)
    return Added(permissions, roles, add_settings(session), add_company(session))


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
