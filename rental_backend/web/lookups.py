"""What a form looks things up with: bare arrays of what is in use, and of what a few typed letters find."""

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ..schemas import MOST_ROWS, Browsing, Lookup
from .contracts import endpoint
from .listing import Page
from .resources import Resource


def add_search(bp: Blueprint, resource: Resource[Any], query: type[Lookup] = Lookup) -> None:
    """Add `GET /search`: those that contain the text `q`, or those that `query` describes."""

    @bp.get("/search")
    @endpoint(
        needs=resource.reads,
        permission=resource.permissions.view,
        query=query(),
        returns=resource.schema(many=True),
    )
    def search(session: Session, **arguments: Any) -> Page:
        """Return those that contain a text."""
        return resource.listing.page(session, arguments)


def add_active(bp: Blueprint, resource: Resource[Any]) -> None:
    """Add `GET /active`: all that are not retired, or those of them that fit `search`."""

    @bp.get("/active")
    @endpoint(
        needs=resource.reads,
        permission=resource.permissions.view,
        query=Browsing(),
        returns=resource.schema(many=True),
    )
    def active(session: Session, **arguments: Any) -> Page:
        """Return those that are not retired."""
        return resource.listing.page(session, {"limit": MOST_ROWS, **arguments, "is_active": True})
