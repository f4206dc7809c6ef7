"""The wire forms of suppliers. The pages know other words for some types and tiers; both are taken."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Unpack

from marshmallow import ValidationError, fields, post_load, validate

from ...fields import Choice, Email, Figure, Moment, Money, Options, Phone, Sent, Text, Whole, clean
from ...guards import guarded
from ...schemas import Browsing, Output, Payload
from ..models import PaymentTerms, Supplier, SupplierStatus, SupplierTier, SupplierType

TYPES = {**{each.value: each for each in SupplierType}, "SERVICE_PROVIDER": SupplierType.SERVICE}
TIERS = {
    **{each.value: each for each in SupplierTier},
    "PREFERRED": SupplierTier.PREMIUM,
    "RESTRICTED": SupplierTier.BASIC,
}


class Word(fields.String):
    """One of several words, each of which stands for a member of an enum."""

    def __init__(self, meanings: Mapping[str, StrEnum], **kwargs: Unpack[Options]) -> None:
        kwargs["metadata"] = {"enum": list(meanings), **kwargs.get("metadata", {})}
        super().__init__(validate=validate.OneOf(list(meanings.values())), **kwargs)
        self.meanings = meanings

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> Any:
        word = clean(str(super()._deserialize(value, attr, data, **kwargs)))
        if word not in self.meanings:
            raise ValidationError(f"Must be one of: {', '.join(self.meanings)}.")
        return self.meanings[word]


class Rating(Figure):
    """A rating from 0 to 5 with two places."""

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(places=2, validate=validate.Range(Decimal(0), Decimal(5)), **kwargs)


class SupplierFields(Payload):
    """The fields of a supplier; `name` is another name of `company_name`, `rating` of `quality_rating`."""

    ALIASES: ClassVar = {"name": "company_name", "rating": "quality_rating"}

    company_name = Text(255, 1)
    supplier_type = Word(TYPES)
    contact_person = Text(255, allow_none=True)
    email = Email(allow_none=True)
    phone = Phone(50, allow_none=True)
    mobile = Phone(50, allow_none=True)
    address = Text(2000, allow_none=True)
    address_line1 = Text(255, allow_none=True)
    address_line2 = Text(255, allow_none=True)
    city = Text(100, allow_none=True)
    state = Text(100, allow_none=True)
    postal_code = Text(20, allow_none=True)
    country = Text(100, allow_none=True)
    tax_id = Text(50, allow_none=True)
    payment_terms = Choice(PaymentTerms)
    credit_limit = Money("9999999999.99")
    supplier_tier = Word(TIERS)
    quality_rating = Rating()
    delivery_rating = Rating()
    notes = Text(10_000, allow_none=True)
    website = Text(255, allow_none=True)
    account_manager = Text(255, allow_none=True)
    preferred_payment_method = Text(50, allow_none=True)
    insurance_expiry = Moment(allow_none=True)
    certifications = Text(10_000, allow_none=True)
    contract_start_date = Moment(allow_none=True)
    contract_end_date = Moment(allow_none=True)


class NewSupplier(SupplierFields):
    """A new supplier."""

    STORED: ClassVar = Supplier

    supplier_code = Text(50, 1, required=True)
    company_name = Text(255, 1, required=True)
    supplier_type = Word(TYPES, required=True)
    status = Choice(SupplierStatus, metadata=guarded("SUPPLIER_UPDATE_STATUS"))


class SupplierSchema(Output, SupplierFields):
    """A supplier."""

    id = fields.UUID()
    supplier_code = fields.String()
    code = fields.String(attribute="supplier_code")
    name = fields.String(attribute="company_name")
    display_name = fields.String(attribute="company_name")
    address = fields.String(attribute="full_address")  # type: ignore[assignment]
    supplier_tier = fields.String(attribute="tier_on_pages")  # type: ignore[assignment]
    status = fields.String()
    performance_score = fields.Decimal()
    average_delivery_days = fields.Integer()
    total_orders = fields.Integer()
    total_spend = fields.Decimal()
    last_order_date = fields.AwareDateTime()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    created_by = fields.String()
    updated_by = fields.String()
    is_active = fields.Boolean()


class SupplierQuery(Browsing):
    """Filters for the list of suppliers."""

    supplier_type = Word(TYPES)
    supplier_tier = Word(TIERS)
    status = Choice(SupplierStatus)
    supplier_status = Choice(SupplierStatus)

    @post_load
    def settle(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Give both names of the status as the first."""
        if "supplier_status" in data:
            data.setdefault("status", data.pop("supplier_status"))
        return data


class SupplierSearch(SupplierQuery):
    """The text to search suppliers for: `search_term`."""

    search_term = Text(200, 2, required=True)


class SupplierStatusChange(Payload):
    """The new status of a supplier. The pages send only whether the supplier is active."""

    EXAMPLE: ClassVar = {"is_active": True}

    is_active = fields.Boolean()
    status = Choice(SupplierStatus)
    notes = Text(10_000, allow_none=True)

    @post_load
    def require_one(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Refuse a change of nothing."""
        if "is_active" not in data and "status" not in data:
            raise ValidationError({"status": ["Send `status` or `is_active`."]})
        return data


class Performance(Payload):
    """The performance figures of a supplier."""

    total_orders = Whole(0, 2**31 - 1)
    total_spend = Money("9999999999999.99")
    average_delivery_days = Whole(0, 3650)
    quality_rating = Rating()
    delivery_rating = Rating()
