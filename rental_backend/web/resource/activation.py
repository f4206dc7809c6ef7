"""Taking rows out of use and back into it, without deleting them."""

import uuid
from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ... import crud as records
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import Principal
from .resource import Resource


def add_activation(bp: Blueprint, resource: Resource[Any]) -> None:
    """Add `POST /<id>/activate` and `POST /<id>/deactivate`; what refers to such a row keeps it."""
    may, schema = resource.permissions.update, resource.schema

    @bp.post("/<uuid:id>/activate")
    @endpoint(needs=resource.writes, permission=may, returns=schema())
    def activate(session: Session, principal: Principal, id: uuid.UUID) -> Any:
        """Take one into use again."""
        return records.restore(resource.find(session, id), principal.username)

    @bp.post("/<uuid:id>/deactivate")
    @endpoint(needs=resource.writes, permission=may, returns=schema())
    def deactivate(session: Session, principal: Principal, id: uuid.UUID) -> Any:
        """Take one out of use."""
        return records.retire(resource.find(session, id), principal.username)
