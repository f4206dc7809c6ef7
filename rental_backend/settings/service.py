"""What is in force."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import SystemSetting


@dataclass(frozen=True, slots=True)
class Rates:
    """Taxes and deposit in percent, the late fee as an amount for each late line and day."""

    rental_tax_percent: Decimal
    booking_tax_percent: Decimal
    booking_deposit_percent: Decimal
    rental_late_fee: Decimal


def rates(session: Session) -> Rates:
    """Return the rates in force; the settings exist once `flask seed` has run."""
    wanted = SystemSetting.setting_key.in_(Rates.__slots__)
    rows = session.execute(select(SystemSetting.setting_key, SystemSetting.setting_value).where(wanted))
    return Rates(**{key: Decimal(value or 0) for key, value in rows})
