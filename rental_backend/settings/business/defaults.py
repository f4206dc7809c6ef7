"""The settings of the business and the values they begin with.

Taxes, deposit and late fee begin with what the predecessor had in its code, so that no total changes on the day of the
switch. Its own settings of the kind (`tax_rate`, `late_fee_rate`, `daily_late_fee`, ...) were never read and hold other
values; ours have other keys, so that those stored in production come into force nowhere.
"""

from dataclasses import dataclass, field
from typing import Any, TypedDict

from ..models import SettingCategory, SettingType

COMPANY = "My company"
CURRENCIES = ("INR", "USD", "EUR", "GBP", "JPY", "CAD", "AUD", "CNY", "CHF", "SGD")

FINANCIAL, RENTAL, SYSTEM = SettingCategory.FINANCIAL, SettingCategory.RENTAL, SettingCategory.SYSTEM
BUSINESS, SECURITY = SettingCategory.BUSINESS, SettingCategory.SECURITY
STRING, INTEGER, DECIMAL = SettingType.STRING, SettingType.INTEGER, SettingType.DECIMAL
BOOLEAN, JSON = SettingType.BOOLEAN, SettingType.JSON


class Rules(TypedDict, total=False):
    """What bounds the value of a setting: a number by `min` and `max`, a text by the others."""

    min: float
    max: float
    choices: list[str]
    pattern: str
    format: str


@dataclass(frozen=True, slots=True)
class Default:
    """A setting with its first value. `rules` bound what it may become; `is_system` ones nobody changes."""

    key: str
    name: str
    kind: SettingType
    category: SettingCategory
    value: str
    description: str
    rules: Rules = field(default_factory=Rules)
    is_system: bool = False

    def row(self, position: int) -> dict[str, Any]:
        """Return it is stored, at a position of the lists."""
        return {
            "setting_key": self.key,
            "setting_name": self.name,
            "setting_type": self.kind,
            "setting_category": self.category,
            "setting_value": self.value,
            "default_value": self.value,
            "description": self.description,
            "is_system": self.is_system,
            "validation_rules": self.rules or None,
            "display_order": str(position),
        }


PERCENT: Rules = {"min": 0, "max": 100}
AMOUNT: Rules = {"min": 0}
DAYS: Rules = {"min": 1, "max": 3650}
ZONE: Rules = {"format": "timezone"}
MONTHS: Rules = {"min": 30, "max": 3650}  # the database keeps a month of the log whatever is set
TIME: Rules = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


def _number(document: str, pattern: str) -> Default:
    """The format of a document's numbers: shown, but not changed, since other programs read them."""
    return Default(
        f"{document}_number_format",
        f"{document.replace('_', ' ').capitalize()} numbers",
        STRING,
        BUSINESS,
        pattern,
        "Y, M and D are digits of the date, N of a count, X hexadecimal and R random ones",
        is_system=True,
    )


# D30: names of our own.
DEFAULTS = (
    Default("rental_tax_percent", "Rental tax", DECIMAL, FINANCIAL, "18.00", "Of the subtotal of a rental", PERCENT),
    Default("booking_tax_percent", "Booking tax", DECIMAL, FINANCIAL, "10.00", "Of the subtotal of a booking", PERCENT),
    Default("booking_deposit_percent", "Booking deposit", DECIMAL, FINANCIAL, "20.00", "Of a booking's total", PERCENT),
    Default("rental_late_fee", "Late fee", DECIMAL, FINANCIAL, "5.00", "For each late line and day", AMOUNT),
    Default("currency", "Currency", STRING, FINANCIAL, "INR", "Of all amounts", {"choices": list(CURRENCIES)}),
    Default(
        "task_scheduler_timezone", "Time zone", STRING, RENTAL, "Asia/Kolkata", "In which days begin and end", ZONE
    ),
    Default("rental_status_check_enabled", "Look for late rentals", BOOLEAN, RENTAL, "true", "Every night"),
    Default("rental_status_check_time", "Time to look for late rentals", STRING, RENTAL, "00:00", "As HH:MM", TIME),
    Default("rental_status_log_retention_days", "Rental history", INTEGER, RENTAL, "365", "Kept for days", DAYS),
    Default("minimum_rental_days", "Shortest rental", INTEGER, RENTAL, "1", "In days", DAYS),
    Default("maximum_rental_days", "Longest rental", INTEGER, RENTAL, "365", "In days", DAYS),
    Default("business_hours_start", "Opening time", STRING, BUSINESS, "09:00", "As HH:MM", TIME),
    Default("business_hours_end", "Closing time", STRING, BUSINESS, "17:00", "As HH:MM", TIME),
    Default("backup_retention_days", "Backups", INTEGER, SYSTEM, "30", "Kept for days", DAYS),
    Default("audit_log_retention_days", "Audit log", INTEGER, SECURITY, "90", "Kept for days", MONTHS),
    # Changed by the operations of the allow-list only, which look closer than a rule can.
    Default("cors_origins", "Allowed origins", JSON, SECURITY, "[]", "That pages may call from", is_system=True),
    Default("cors_localhost", "Allowed ports of localhost", STRING, SECURITY, "", "As FIRST-LAST", is_system=True),
    _number("rental", "RENT-YYYYMMDD-NNNN"),
    _number("sale", "SALE-YYYYMMDD-NNNN"),
    _number("purchase", "PUR-YYYYMMDD-XXXXXXXX"),
    _number("purchase_return", "RTN-YYYYMMDD-RRRRRR"),
    _number("booking", "BK-YYYY-NNNNN"),
)
BY_KEY = {each.key: each for each in DEFAULTS}
