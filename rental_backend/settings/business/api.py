"""Settings, currency and time zone."""

from typing import Any, Unpack

from flask import Blueprint
from sqlalchemy.orm import Session

from ...actor import Actor
from ...web.endpoint.etags import require_match
from ...web.endpoint.needs import SIGNED_IN
from ...web.endpoint.pipeline import endpoint
from ...web.query import projection
from ...web.query.paging import Page
from ..companies import service as companies
from ..companies.api import COMPANIES
from ..companies.schemas import OurCompanyChange, OurCompanySchema
from ..models import Company, SystemSetting
from ..needs import BROWSE, CHANGE, SEE, SET
from . import service
from .lists import SETTINGS
from .schemas import SettingChange, SettingSchema, SignedBy

bp = Blueprint("settings", __name__, url_prefix="/api")


@bp.get("/system/settings")
@endpoint(needs=BROWSE, permission=SEE, query=SETTINGS.takes, returns=SETTINGS.returns)
def browse(session: Session, **filters: object) -> Page:
    """List settings. They are sorted by category."""
    return SETTINGS.page(session, {**filters, "is_active": True, "limit": 1000})


@bp.get("/system/settings/categories/<category>")
@endpoint(needs=BROWSE, permission=SEE, returns=SETTINGS.returns)
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
def change(session: Session, actor: Actor, key: str, setting_value: object) -> SystemSetting:
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
    return projection.one(session, OurCompanySchema, Company, companies.id_of_ours(session))


@bp.put("/system/company")
@endpoint(needs=CHANGE, permission=SET, query=SignedBy(), accepts=OurCompanyChange(), returns=OurCompanySchema())
def change_our_company(session: Session, actor: Actor, **fields: Unpack[companies.CompanyValues]) -> Company:
    """Change the company of the business."""
    return companies.change(session, COMPANIES.find(session, companies.id_of_ours(session)), actor, fields)
