"""The list of settings."""

from sqlalchemy import func, or_

from ...web.query.listing import Listing
from ..models import SystemSetting
from .schemas import SettingQuery, SettingSchema

SETTINGS = Listing(
    SystemSetting,
    SettingSchema,
    query=SettingQuery,
    order=(
        SystemSetting.setting_category.asc(),
        func.length(SystemSetting.display_order).asc(),
        SystemSetting.display_order.asc(),
        SystemSetting.setting_key.asc(),
    ),
    conditions={
        "category": SystemSetting.setting_category.__eq__,
        "include_system": lambda wanted: or_(wanted, SystemSetting.is_system.is_(False)),
    },
)
