"""The wire forms of currency and time zone."""

from typing import ClassVar

from marshmallow import ValidationError, fields, post_load

from ...fields import Text, WallTime
from ...schemas import Payload


class CurrencyChange(Payload):
    """A new currency. Only its code counts: symbol, name and description are known from it."""

    EXAMPLE: ClassVar = {"currency_code": "INR"}

    currency_code = Text(20)
    code = Text(20)
    symbol = Text(10)
    name = Text(100)
    description = Text(255)
    is_default = fields.Boolean()

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave the code, under whichever name."""
        code = data.get("currency_code") or data.get("code")
        if code is None:
            raise ValidationError({"currency_code": ["Missing data for required field."]})
        return {"code": str(code).strip().upper()}


class ZoneChange(Payload):
    """A new time zone, under one of the names or the same under both."""

    EXAMPLE: ClassVar = {"system_timezone": "Asia/Kolkata"}

    system_timezone = Text(100)
    task_scheduler_timezone = Text(100)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave the names that were sent."""
        return {"names": set(data.values())}


class Conversion(Payload):
    """A time and its zone, and the zone to convert it to. The default is the time zone of the business."""

    datetime_str = WallTime(required=True)
    from_timezone = Text(100, load_default="UTC")
    to_timezone = Text(100)
