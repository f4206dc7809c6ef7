"""Settings, companies, currency and time zone."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint
from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import Session

from ...actor import Actor
from ...infra import DATABASE
from ...web.endpoint.context import current_services
from ...web.endpoint.etags import require_match
from ...web.endpoint.needs import PUBLIC, SIGNED_IN, Needs
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from ...web.query.listing import Page
from ...web.resource.resource import Permissions, Resource
from ..models import Company, SystemSetting
from ..needs import BROWSE, CHANGE, FOLLOWED, KNOWN, SEE, SET
from . import company, regional, service
from .lists import SETTINGS
from .schemas import (
    CompanyChange,
    CompanyQuery,
    CompanySchema,
    Conversion,
    CurrencyChange,
    NewCompany,
    OurCompanyChange,
    OurCompanySchema,
    SettingChange,
    SettingQuery,
    SettingSchema,
    SignedBy,
    ZoneChange,
)


def _contains(column: Any) -> Callable[[ColumnElement[Any]], ColumnElement[bool]]:
    return lambda text: func.strpos(func.lower(column), func.lower(text)) > 0


COMPANIES = Resource(
    name="companies",
    prefix="/api/company",
    model=Company,
    schema=CompanySchema,
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions(SEE, SET, SET, SET),
    retires=False,
    query=CompanyQuery,
    order=(Company.company_name.asc(), Company.id.asc()),
    search=(Company.company_name, Company.email, Company.gst_no),
    filters=("gst_no", "registration_number"),
    conditions={"company_name": _contains(Company.company_name), "email": _contains(Company.email)},
    sorts=("company_name", "created_at"),
    pages=True,
)
companies = COMPANIES.blueprint()
bp = Blueprint("settings", __name__, url_prefix="/api")


@bp.get("/system/settings")
@endpoint(needs=BROWSE, permission=SEE, query=SettingQuery(), returns=SettingSchema(many=True))
def browse(session: Session, **filters: Any) -> Page:
    """List settings. They are sorted by category."""
    return SETTINGS.page(session, {**filters, "is_active": True, "limit": 1000})


@bp.get("/system/settings/categories/<category>")
@endpoint(needs=BROWSE, permission=SEE, returns=SettingSchema(many=True))
def browse_category(session: Session, category: str) -> Page:
    """List the settings of a category."""
    return SETTINGS.page(session, {"category": service.category_of(category), "is_active": True, "limit": 1000})


@bp.get("/system/settings/<key>")
@endpoint(needs=BROWSE, permission=SEE, returns=SettingSchema())
def show(session: Session, key: str) -> bytes:
    """Show a setting."""
    return projection.one(session, SettingSchema, SystemSetting, key, "setting_key")


@bp.get("/system/settings/<key>/value")
@endpoint(needs=BROWSE, permission=SEE)
def show_value(session: Session, key: str) -> dict[str, Any]:
    """Show the value of a setting. The value has its type. A sensitive setting has no value here."""
    return service.told(session, key)


@bp.put("/system/settings/<key>")
@endpoint(needs=CHANGE, permission=SET, query=SignedBy(), accepts=SettingChange(), returns=SettingSchema())
def change(session: Session, actor: Actor, key: str, setting_value: Any) -> SystemSetting:
    """Change a setting. The change applies to everybody at once."""
    setting = service.find(session, key)
    require_match(session, SettingSchema, SystemSetting, setting.id)
    return service.change(session, setting, actor, setting_value)


@bp.post("/system/settings/<key>/reset")
@endpoint(needs=CHANGE, permission=SET, query=SignedBy(), returns=SettingSchema())
def reset(session: Session, actor: Actor, key: str) -> SystemSetting:
    """Reset a setting to its default."""
    return service.reset(session, service.find(session, key), actor)


@bp.get("/system/company")
@endpoint(needs=BROWSE, permission=SIGNED_IN, returns=OurCompanySchema())
def our_company(session: Session) -> bytes:
    """Show the company of the business. It is printed on every document, so every signed-in user may see it."""
    return projection.one(session, OurCompanySchema, Company, company.id_of_ours(session))


@bp.put("/system/company")
@endpoint(needs=CHANGE, permission=SET, query=SignedBy(), accepts=OurCompanyChange(), returns=OurCompanySchema())
def change_our_company(session: Session, actor: Actor, **fields: Any) -> Company:
    """Change the company of the business."""
    return company.change(session, COMPANIES.find(session, company.id_of_ours(session)), actor, fields)


@companies.post("/")
@endpoint(needs=CHANGE, permission=SET, accepts=NewCompany(), returns=CompanySchema(), status=201)
def create_company(session: Session, actor: Actor, **fields: Any) -> Company:
    """Create a company."""
    return company.create(session, actor, fields)


@companies.route("/<uuid:id>", methods=["PUT", "PATCH"])
@endpoint(needs=CHANGE, permission=SET, accepts=CompanyChange(), returns=CompanySchema())
def change_company(session: Session, actor: Actor, id: uuid.UUID, **fields: Any) -> Company:
    """Change a company. Fields that are not sent keep their values."""
    return company.change(session, COMPANIES.find(session, id), actor, fields)


@companies.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission=SET)
def retire_company(session: Session, actor: Actor, id: uuid.UUID) -> None:
    """Soft-delete a company. The last company cannot be deleted."""
    company.retire(session, COMPANIES.find(session, id), actor)


@bp.get("/system-settings/currency")
@endpoint(needs=Needs(optional=(DATABASE,)), permission=PUBLIC)
def public_currency() -> dict[str, Any]:
    """Show the currency of the business to the public. It is answered from memory, because every page asks for it."""
    return regional.currency(current_services().settings_cache.cached())


@bp.get("/system/currency")
@endpoint(needs=FOLLOWED, permission=SEE)
def currency() -> dict[str, Any]:
    """Show the currency of the business."""
    return regional.currency(current_services().settings_cache.cached())


@bp.get("/system/currency/supported")
@bp.get("/system-settings/currency/supported")
@endpoint(needs=FOLLOWED, permission=SEE)
def currencies() -> list[dict[str, Any]]:
    """List the supported currencies."""
    return regional.currencies(current_services().settings_cache.cached())


@bp.put("/system/currency")
@bp.put("/system-settings/currency")
@endpoint(needs=CHANGE, permission=SET, accepts=CurrencyChange())
def change_currency(session: Session, actor: Actor, code: str) -> dict[str, Any]:
    """Change the currency of the business. Amounts are not converted."""
    return regional.choose_currency(session, actor, code)


@bp.get("/system/timezone/current")
@bp.get("/system/timezone/info")
@endpoint(needs=FOLLOWED, permission=SEE)
def zone() -> dict[str, Any]:
    """Show the time zone of the business. The answer holds the time in that zone, too."""
    return regional.zone(current_services().settings_cache.cached())


@bp.put("/system/timezone/settings")
@endpoint(needs=CHANGE, permission=SET, accepts=ZoneChange())
def change_zone(session: Session, actor: Actor, names: set[str]) -> dict[str, Any]:
    """Change the time zone of the business."""
    return regional.choose_zone(session, actor, names)


@bp.post("/system/timezone/reset")
@endpoint(needs=CHANGE, permission=SET)
def reset_zone(session: Session, actor: Actor) -> dict[str, Any]:
    """Reset the time zone of the business to its default."""
    return regional.reset_zone(session, actor)


@bp.get("/system/timezone/available")
@endpoint(needs=KNOWN, permission=SEE)
def zones() -> list[dict[str, str]]:
    """List the supported time zones."""
    return regional.offered()


@bp.get("/system/timezone/validate/<path:name>")
@endpoint(needs=KNOWN, permission=SEE)
def validate_zone(name: str) -> dict[str, Any]:
    """Check whether a time zone exists."""
    return regional.validated(name)


@bp.get("/system/timezone/conversion")
@endpoint(needs=FOLLOWED, permission=SEE, query=Conversion())
def convert(datetime_str: datetime, from_timezone: str, to_timezone: str | None = None) -> dict[str, Any]:
    """Convert a time to another time zone. Without a target it is converted to the time zone of the business."""
    target = to_timezone or regional.zone_name(current_services().settings_cache.cached())
    return regional.converted(datetime_str, from_timezone, target)


@bp.get("/system/timezone/health")
@endpoint(needs=FOLLOWED, permission=SEE)
def zone_health() -> dict[str, Any]:
    """Check whether this machine knows the time zone of the business."""
    return {"status": "healthy", **regional.validated(regional.zone_name(current_services().settings_cache.cached()))}
