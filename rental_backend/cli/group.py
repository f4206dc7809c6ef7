"""The group of the `flask` commands, which are imported on demand: a server needs none of them."""

import logging

import click
from flask.cli import AppGroup

from ..web.middleware import logs


# D93: imported when one is asked for.
class Commands(AppGroup):
    """Imports the commands of `database.py` when a command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        self._add()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, if there is one of that name. From now on logs do not mix with its output."""
        self._add()
        logs.configure(logging.getLevelName(logging.getLogger().level))
        return super().get_command(ctx, cmd_name)

    def _add(self) -> None:
        from . import (
            database as cli,  # with the demonstration shop and the tables of all domains: each start would pay for them
        )

        for command in cli.COMMANDS:
            self.add_command(command)
