"""What a domain hands the application, which is all that anything above or beside it knows of the domain."""

from dataclasses import dataclass

from flask import Blueprint

from .status.components import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The blueprints of a domain, its parts of what customers know of the service, and other names of its paths.

    A path that begins with the first text of an alias is read as if it began with the second.
    """

    blueprints: tuple[Blueprint, ...] = ()
    components: tuple[Component, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
