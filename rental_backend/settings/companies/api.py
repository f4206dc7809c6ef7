"""Companies."""

import uuid
from typing import Unpack

from sqlalchemy.orm import Session

from ...actor import Actor
from ...web.endpoint.pipeline import endpoint
from ...web.query.conditions import contains
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.resource.resource import Permissions, Resource
from ..models import Company
from ..needs import BROWSE, CHANGE, SEE, SET
from . import service
from .schemas import CompanyChange, CompanyQuery, CompanySchema, NewCompany

COMPANIES = Resource(
    name="companies",
    prefix="/api/company",
    model=Company,
    schema=CompanySchema,
    listing=Listing(
        Company,
        CompanySchema,
        order=(Company.company_name.asc(), Company.id.asc()),
        query=CompanyQuery,
        search=(Company.company_name, Company.email, Company.gst_no),
        filters=("gst_no", "registration_number"),
        conditions={"company_name": contains(Company.company_name), "email": contains(Company.email)},
        sorts=("company_name", "created_at"),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions(SEE, SET, SET, SET),
    retire=None,
)
bp = COMPANIES.blueprint()


@bp.post("/")
@endpoint(needs=CHANGE, permission=SET, accepts=NewCompany(), returns=CompanySchema(), status=201)
def create_company(session: Session, actor: Actor, **fields: Unpack[service.CompanyValues]) -> Company:
    """Create a company."""
    return service.create(session, actor, fields)


@bp.route("/<uuid:id>", methods=["PUT", "PATCH"])
@endpoint(needs=CHANGE, permission=SET, accepts=CompanyChange(), returns=CompanySchema())
def change_company(session: Session, actor: Actor, id: uuid.UUID, **fields: Unpack[service.CompanyValues]) -> Company:
    """Change a company. Fields that are not sent keep their values."""
    return service.change(session, COMPANIES.find(session, id), actor, fields)


@bp.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission=SET)
def retire_company(session: Session, actor: Actor, id: uuid.UUID) -> None:
    """Soft-delete a company. The last company cannot be deleted."""
    service.retire(session, COMPANIES.find(session, id), actor)
