"""The wire forms of companies."""

from marshmallow import fields, post_load

from ...fields import Email, Phone, Text
from ...schemas import Browsing, Output, Payload


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
    phone = Phone(50, allow_none=True)
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
    company_phone = Phone(50, allow_none=True)
    company_gst_no = Text(50, allow_none=True)
    company_registration_number = Text(100, allow_none=True)
    name = Text(255, 1)
    address = Text(2000, allow_none=True)
    email = Email(allow_none=True)
    phone = Phone(50, allow_none=True)
    tax_id = Text(50, allow_none=True)

    @post_load
    def settle_names(self, data: dict[str, object], **_: object) -> dict[str, object]:
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
