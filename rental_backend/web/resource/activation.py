"""Deactivating and activating the rows of a resource."""

import uuid
from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from ... import crud as records
from ..endpoint.pipeline import endpoint
from ..endpoint.principal import Principal
from .resource import Resource
from .wording import says


def add_activation(bp: Blueprint, resource: Resource[Any]) -> None:
    """Add `POST /<id>/activate` and `POST /<id>/deactivate`; what refers to such a row keeps it."""
    may, schema, noun = resource.permissions.update, resource.schema, resource.called

    @bp.post("/<uuid:id>/activate")
    @endpoint(needs=resource.writes, permission=may, returns=schema())
    @says(f"Activate {noun.one}. The {noun.singular} is in the lists again.")
    def activate(session: Session, principal: Principal, id: uuid.UUID) -> Any:
        return records.restore(resource.find(session, id), principal.username)

    @bp.post("/<uuid:id>/deactivate")
    @endpoint(needs=resource.writes, permission=may, returns=schema())
    @says(f"Deactivate {noun.one}. The {noun.singular} leaves the lists. What refers to it keeps it.")
    def deactivate(session: Session, principal: Principal, id: uuid.UUID) -> Any:
        return records.retire(resource.find(session, id), principal.username)
