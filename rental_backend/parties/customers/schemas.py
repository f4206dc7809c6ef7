"""The wire forms of customers."""

from typing import ClassVar

from marshmallow import fields, post_load, validate

from ...fields import Choice, Email, Money, Phone, Text, TextOrEmpty
from ...guards import guarded
from ...schemas import Browsing, Output, Payload
from ..models import BlacklistStatus, CreditRating, Customer, CustomerStatus, CustomerTier, CustomerType


class CustomerFields(Payload):
    """The fields of a customer; `tax_id` is another name of `tax_number`."""

    ALIASES: ClassVar = {"tax_id": "tax_number"}
    STORED: ClassVar = Customer

    business_name = Text(200, allow_none=True)
    first_name = Text(100, allow_none=True)
    last_name = Text(100, allow_none=True)
    email = Email(allow_none=True)
    phone = Phone(20, allow_none=True)
    mobile = Phone(20, allow_none=True)
    address_line1 = Text(200, allow_none=True)
    address_line2 = Text(200, allow_none=True)
    city = Text(100, allow_none=True)
    state = Text(100, allow_none=True)
    country = Text(100, allow_none=True)
    postal_code = Text(20, allow_none=True)
    tax_number = Text(50, allow_none=True)
    payment_terms = Text(50, allow_none=True)
    customer_tier = Choice(CustomerTier)
    credit_limit = Money(metadata=guarded("CUSTOMER_UPDATE_CREDIT"))
    notes = Text(10_000, allow_none=True)


class NewCustomer(CustomerFields):
    """A new customer."""

    EXAMPLE: ClassVar = {"first_name": "Ada", "last_name": "Byron"}

    customer_code = Text(20, 1, required=True)
    customer_type = Choice(CustomerType, required=True)


class CustomerChange(CustomerFields):
    """Changes of a customer. Fields that are not sent keep their values."""

    customer_type = Choice(CustomerType)


class CustomerSchema(Output, CustomerFields):
    """A customer."""

    id = fields.UUID()
    customer_code = fields.String()
    customer_type = fields.String()
    name = fields.String()
    email = TextOrEmpty()  # type: ignore[assignment]
    phone = TextOrEmpty()  # type: ignore[assignment]
    tax_id = fields.String(attribute="tax_number")
    status = fields.String()
    blacklist_status = fields.String()
    credit_rating = Choice(CreditRating)
    total_rentals = fields.Integer()
    total_spent = fields.Decimal()
    lifetime_value = fields.Decimal()
    last_transaction_date = fields.AwareDateTime()
    last_rental_date = fields.AwareDateTime()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    created_by = fields.String()
    updated_by = fields.String()
    is_active = fields.Boolean()


class CustomerQuery(Browsing):
    """Filters for the list of customers."""

    customer_type = fields.String(validate=validate.OneOf(["INDIVIDUAL", "BUSINESS", "CORPORATE"]))
    customer_tier = Choice(CustomerTier)
    status = fields.String(validate=validate.OneOf([*CustomerStatus, "BLACKLISTED"]))
    customer_status = fields.String(validate=validate.OneOf([*CustomerStatus, "BLACKLISTED"]))
    blacklist_status = Choice(BlacklistStatus)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Translate the frontend's extra values and the predecessor's names into our columns."""
        status = data.pop("customer_status", None) or data.pop("status", None)
        if status == "BLACKLISTED":
            data["blacklist_status"] = BlacklistStatus.BLACKLISTED
        elif status:
            data["status"] = CustomerStatus(str(status))
        if kind := data.pop("customer_type", None):
            data["customer_type"] = CustomerType.INDIVIDUAL if kind == "INDIVIDUAL" else CustomerType.BUSINESS
        return data


class CustomerSearch(CustomerQuery):
    """The text to search customers for: `search_term`."""

    search_term = Text(200, 2, required=True)


class CustomerNameSearch(CustomerQuery):
    """The text to search customers for: `name`."""

    name = Text(200, 1, required=True)


class CreditLimit(Payload):
    """How much a customer may owe."""

    credit_limit = Money(required=True)


class TierChange(Payload):
    """The new tier of a customer."""

    customer_tier = Choice(CustomerTier, required=True)


class BlacklistAction(Payload):
    """Whether a customer is blacklisted or cleared."""

    action = fields.String(required=True, validate=validate.OneOf(["blacklist", "unblacklist"]))


class BlacklistChange(Payload):
    """The new blacklist status of a customer, with a reason. A warning is a status, too."""

    blacklist_status = Choice(BlacklistStatus, required=True)
    blacklist_reason = Text(1000, allow_none=True)
    notes = Text(10_000, allow_none=True)


class StatusChange(Payload):
    """The new status of a customer."""

    status = Choice(CustomerStatus, required=True)
    notes = Text(10_000, allow_none=True)
