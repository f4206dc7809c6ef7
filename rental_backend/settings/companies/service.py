"""The company in whose name business is done."""

import uuid
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from ... import crud as records
from ...accounts.audit import service as audit
from ...actor import Actor
from ...errors import Conflict, NotFound
from ..models import Company

FIELDS = ("company_name", "address", "email", "phone", "gst_no", "registration_number", "is_active")


class CompanyValues(TypedDict, total=False):
    """What can be said of a company; a change holds only what it changes."""

    company_name: str
    address: str | None
    email: str | None
    phone: str | None
    gst_no: str | None
    registration_number: str | None
    is_active: bool


def id_of_ours(session: Session) -> uuid.UUID:
    """Return the company that papers are printed for: the oldest that is active. Raises `NotFound`."""
    oldest = select(Company.id).where(Company.is_active).order_by(Company.created_at, Company.id).limit(1)
    found = session.scalar(oldest)
    if found is None:
        raise NotFound("There is no company.")
    return found


def change(session: Session, company: Company, actor: Actor, fields: CompanyValues) -> Company:
    """Change what is given and leave the rest, and log what it was before.

    Raises `Conflict` if no active company would be left: papers need a name.
    """
    before = seen(company)
    records.change(company, actor.name, fields)
    session.flush()
    if not company.is_active and session.scalar(select(Company.id).where(Company.is_active).limit(1)) is None:
        raise Conflict("The last company cannot be retired.", code="last_company")
    audit.note(session, actor, "UPDATE", "companies", company.id, before=before, after=seen(company))
    return company


def seen(company: Company) -> dict[str, Any]:
    """Return what the audit log is told of it."""
    return {name: getattr(company, name) for name in FIELDS}


def create(session: Session, actor: Actor, fields: CompanyValues) -> Company:
    """Create a company."""
    made = records.create(session, Company(**fields), actor.name)
    audit.note(session, actor, "CREATE", "companies", made.id, after=seen(made))
    return made


def retire(session: Session, company: Company, actor: Actor) -> None:
    """Take a company out of the lists. Raises `Conflict` for the last one."""
    change(session, company, actor, {"is_active": False})
