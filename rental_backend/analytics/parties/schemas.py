"""The wire forms of reports."""

from marshmallow import fields

from ...fields import TextOrEmpty
from ...schemas import Output


class CustomerBrief(Output):
    """A customer, as reports show them."""

    id = fields.UUID()
    customer_code = fields.String()
    customer_type = fields.String()
    name = fields.String()
    business_name = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = TextOrEmpty()
    phone = TextOrEmpty()
    customer_tier = fields.String()
    blacklist_status = fields.String()
    credit_limit = fields.Decimal()
    lifetime_value = fields.Decimal()
    is_active = fields.Boolean()


class SupplierBrief(Output):
    """A supplier, as reports show them."""

    id = fields.UUID()
    supplier_code = fields.String()
    company_name = fields.String()
    contact_person = fields.String()
    email = fields.String()
    phone = fields.String()
    supplier_type = fields.String()
    supplier_tier = fields.String(attribute="tier_on_pages")
    status = fields.String()
    is_active = fields.Boolean()


class SupplierFigures(Output):
    """The performance of a supplier: ratings from 0 to 5, and a score in percent."""

    average_delivery_days = fields.Integer()
    last_order_date = fields.AwareDateTime()
    performance_score = fields.Decimal()
    quality_rating = fields.Decimal()
    delivery_rating = fields.Decimal()
    total_orders = fields.Integer()
    total_spend = fields.Decimal()


class CustomerTransaction(Output):
    """A sale or rental in the history of a customer."""

    id = fields.UUID()
    transaction_number = fields.String()
    transaction_type = fields.String()
    transaction_status = fields.String(attribute="status")
    status = fields.String()
    payment_status = fields.String()
    transaction_date = fields.AwareDateTime()
    total_amount = fields.Decimal()
    paid_amount = fields.Decimal()
    items_count = fields.Integer()
    location_name = fields.String()


class SupplierPurchase(Output):
    """A purchase in the history of a supplier."""

    id = fields.UUID()
    transaction_number = fields.String()
    status = fields.String()
    payment_status = fields.String()
    transaction_date = fields.AwareDateTime()
    total_amount = fields.Decimal()
    items_count = fields.Integer()
    location_name = fields.String()
