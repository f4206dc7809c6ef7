"""The wire forms of settings, companies, currency, time zone and the allow-list."""

from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validate

from ...schemas import Browsing, Choice, Email, Output, Payload, Text
from ..models import SettingCategory


class SignedBy(Payload):
    """The user in whose name the caller acts. It is accepted and ignored: the signed-in user is recorded."""

    updated_by = Text(255)
    started_by = Text(255)
    user_id = Text(255)

    @post_load
    def ignore(self, _: dict[str, Any], **__: Any) -> dict[str, Any]:
        """Return no arguments."""
        return {}


class SettingSchema(Output):
    """A setting. A sensitive setting is answered without its value."""

    id = fields.UUID()
    setting_key = fields.String()
    setting_name = fields.String()
    setting_type = fields.String()
    setting_category = fields.String()
    setting_value = fields.String(attribute="shown_value")
    default_value = fields.String(attribute="shown_default")
    description = fields.String()
    is_system = fields.Boolean()
    is_sensitive = fields.Boolean()
    validation_rules = fields.Raw()
    display_order = fields.String()
    is_active = fields.Boolean()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    updated_by = fields.String()


class SettingQuery(Payload):
    """Filters for the list of settings."""

    category = Choice(SettingCategory)
    include_system = fields.Boolean()


class SettingChange(Payload):
    """A new value, as text or as JSON of the type of the setting."""

    setting_value = fields.Raw(required=True)


class CompanySchema(Output):
    """A company."""

    id = fields.UUID()
    company_name = fields.String()
    address = fields.String()
    email = fields.String()
    phone = fields.String()
    gst_no = fields.String()
    registration_number = fields.String()
    is_active = fields.Boolean()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    created_by = fields.String()
    updated_by = fields.String()


class OurCompanySchema(Output):
    """The company of the business, under the names that its page and printed documents read."""

    id = fields.UUID()
    company_name = fields.String()
    company_address = fields.String(attribute="address")
    company_email = fields.String(attribute="email")
    company_phone = fields.String(attribute="phone")
    company_gst_no = fields.String(attribute="gst_no")
    company_registration_number = fields.String(attribute="registration_number")
    tax_id = fields.String(attribute="gst_no")
    currency_code = fields.String()
    currency = fields.String(attribute="currency_code")
    updated_at = fields.AwareDateTime()


class CompanyChange(Payload):
    """Changes of a company. Null empties a field."""

    company_name = Text(255, 1)
    address = Text(2000, allow_none=True)
    email = Email(allow_none=True)
    phone = Text(50, allow_none=True)
    gst_no = Text(50, allow_none=True)
    registration_number = Text(100, allow_none=True)
    is_active = fields.Boolean()


class NewCompany(CompanyChange):
    """A new company."""

    company_name = Text(255, 1, required=True)


class OurCompanyChange(Payload):
    """Changes of the company of the business, under the names of its page or under shorter names."""

    company_name = Text(255, 1)
    company_address = Text(2000, allow_none=True)
    company_email = Email(allow_none=True)
    company_phone = Text(50, allow_none=True)
    company_gst_no = Text(50, allow_none=True)
    company_registration_number = Text(100, allow_none=True)
    name = Text(255, 1)
    address = Text(2000, allow_none=True)
    email = Email(allow_none=True)
    phone = Text(50, allow_none=True)
    tax_id = Text(50, allow_none=True)

    @post_load
    def settle_names(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Give each field under the name of its column; the page's name counts before the shorter one."""
        columns = {"name": "company_name", "tax_id": "gst_no", "company_name": "company_name"}
        ordered = sorted(data, key=lambda name: name.startswith("company_"))
        return {columns.get(name, name.removeprefix("company_")): data[name] for name in ordered}


class CompanyQuery(Browsing):
    """Filters for the list of companies."""

    company_name = Text(255)
    email = Text(255)
    gst_no = Text(50)
    registration_number = Text(100)


class CurrencyChange(Payload):
    """A new currency. Only its code counts: symbol, name and description are known from it."""

    EXAMPLE: ClassVar = {"currency_code": "INR"}

    currency_code = fields.String()
    code = fields.String()
    symbol = Text(10)
    name = Text(100)
    description = Text(255)
    is_default = fields.Boolean()

    @post_load
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave the code, under whichever name."""
        code = data.get("currency_code") or data.get("code")
        if code is None:
            raise ValidationError({"currency_code": ["Missing data for required field."]})
        return {"code": code.strip().upper()}


class ZoneChange(Payload):
    """A new time zone, under one of the names or the same under both."""

    EXAMPLE: ClassVar = {"system_timezone": "Asia/Kolkata"}

    system_timezone = fields.String()
    task_scheduler_timezone = fields.String()

    @post_load
    def settle(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave the names that were sent."""
        return {"names": set(data.values())}


class Conversion(Payload):
    """A time and its zone, and the zone to convert it to. The default is the time zone of the business."""

    datetime_str = fields.DateTime(required=True)
    from_timezone = fields.String(load_default="UTC")
    to_timezone = fields.String()


class OriginQuery(Payload):
    """An origin."""

    EXAMPLE: ClassVar = {"origin": "https://shop.example"}

    origin = fields.String(required=True)


class NewOrigin(OriginQuery):
    """A new allowed origin. There is a single category."""

    EXAMPLE: ClassVar = {"origin": "https://shop.example"}

    category = Text(100)


class PortRange(Payload):
    """The first and the last port of localhost that are allowed."""

    start_port = fields.Integer(load_default=3000, validate=validate.Range(1, 65535))
    end_port = fields.Integer(load_default=3050, validate=validate.Range(1, 65535))


class EndpointQuery(Payload):
    """The path of an operation."""

    endpoint = Text(500, required=True)
