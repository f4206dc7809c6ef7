"""The settings in force, and how they are changed (BR-M3, BR-M4): the one source of taxes, fees and deposits."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...accounts.audit import service as audit
from ...actor import Actor
from ...errors import Conflict, Invalid, NotFound
from ...infra.runtime.settings_cache import SETTINGS, SettingsCache
from ...models import added
from ..models import SettingCategory, SystemSetting
from .defaults import BY_KEY
from .setting_types import fault, read, usable, written

HIDDEN = "hidden"


class SystemSettingFixed(Conflict):
    """Other programs rely on it, or it has operations of its own (409)."""

    code, title = "system_setting", "Setting cannot be changed"


@dataclass(frozen=True, slots=True)
class Rates:
    """Taxes and deposit in percent, the late fee as an amount for each late line and day."""

    rental_tax_percent: Decimal
    booking_tax_percent: Decimal
    booking_deposit_percent: Decimal
    rental_late_fee: Decimal


def load(session: Session) -> dict[str, str]:
    """Return the texts of the settings that the program reads, by key; secrets and retired ones are not among them."""
    row = SystemSetting
    known = row.setting_key.in_(sorted(BY_KEY)), row.is_active, row.is_sensitive.is_(False)
    found = session.execute(select(row.setting_key, row.setting_value).where(*known)).all()
    return {key: text for key, text in found if text is not None}


def in_force(session: Session) -> Mapping[str, str]:
    """Return the texts in force: as this worker knows them, read again if anybody has changed one meanwhile."""
    settings_cache: SettingsCache | None = session.info.get(SETTINGS)
    return settings_cache.current(session) if settings_cache else load(session)


def value(texts: Mapping[str, str], key: str) -> Any:
    """Return the value of a setting; its default if it is not stored, or somebody has stored nonsense."""
    default = BY_KEY[key]
    text = texts.get(key, default.value)
    return read(default.kind, default.value if fault(default.kind, default.rules, text) else text)


def rates(session: Session) -> Rates:
    """Return the rates in force."""
    texts = in_force(session)
    return Rates(**{key: value(texts, key) for key in Rates.__slots__})


def find(session: Session, key: str) -> SystemSetting:
    """Return a setting, locked for a change. One that the program knows comes to be; else raises `NotFound`."""
    statement = select(SystemSetting).where(SystemSetting.setting_key == key).with_for_update()
    found = session.scalars(statement).one_or_none()
    if found is None and key in BY_KEY:
        added(session, SystemSetting.setting_key, [BY_KEY[key].row(len(BY_KEY))])
        found = session.scalars(statement).one()
    if found is None:
        raise NotFound("There is no such setting.")
    return found


def told(session: Session, key: str) -> dict[str, Any]:
    """Return a setting's key, type and typed value, None for a secret or a text that is none of its type."""
    row = SystemSetting
    columns = select(row.setting_type, row.setting_value, row.is_sensitive).where(row.setting_key == key)
    found = session.execute(columns).one_or_none()
    if found is None:
        raise NotFound("There is no such setting.")
    kind, text, secret = found
    said = None
    if text is not None and not secret:
        with contextlib.suppress(ValueError):
            said = read(kind, text)
    typed = float(said) if isinstance(said, Decimal) else said
    return {"setting_key": key, "setting_type": kind, "setting_value": typed, "value": typed}


def category_of(name: str) -> SettingCategory:
    """Return the category of a name in either case, or raise `NotFound`."""
    try:
        return SettingCategory(name.upper())
    except ValueError:
        raise NotFound("There is no such category of settings.") from None


def change(session: Session, setting: SystemSetting, actor: Actor, sent: object) -> SystemSetting:
    """Change a setting. Raises `SystemSettingFixed`, or `Invalid` for what its type or rules do not allow."""
    if setting.is_system:
        raise SystemSettingFixed(f"The setting {setting.setting_key} cannot be changed.")
    default = BY_KEY.get(setting.setting_key)
    text = written(sent)
    kind, rules = (default.kind, default.rules) if default else (setting.setting_type, usable(setting.validation_rules))
    wrong = fault(kind, rules, text)
    if wrong:
        raise Invalid({"setting_value": [wrong]})
    return store(session, setting, actor, text)


def reset(session: Session, setting: SystemSetting, actor: Actor) -> SystemSetting:
    """Give a setting its first value. Raises `SystemSettingFixed`, or `Conflict` if it has none."""
    default = BY_KEY.get(setting.setting_key)
    first = default.value if default else setting.default_value
    if first is None:
        raise Conflict(f"The setting {setting.setting_key} has no default.", code="no_default")
    return change(session, setting, actor, first)


def store(session: Session, setting: SystemSetting, actor: Actor, text: str) -> SystemSetting:
    """Store a text that was looked at, log what it was before, and have all workers read again after the commit."""
    before = setting.setting_value
    if text != before:
        setting.setting_value, setting.updated_by = text, actor.name
        shown = (HIDDEN, f"{HIDDEN}, another") if setting.is_sensitive else (before, text)
        audit.note(
            session,
            actor,
            "UPDATE",
            "settings",
            setting.setting_key,
            before={"setting_value": shown[0]},
            after={"setting_value": shown[1]},
        )
    settings_cache: SettingsCache | None = session.info.get(SETTINGS)
    if settings_cache:
        settings_cache.changed_by(session)
    return setting
