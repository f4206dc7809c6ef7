"""Prices, charges and quantities are not negative, rates and ratings are in their range."""

from migrations import rules

revision = "202611231809"
down_revision = "202611231808"
branch_labels = None
depends_on = None

RULES = [
    *rules.at_least(
        0,
        "booking_headers",
        "total_items",
        "estimated_subtotal",
        "estimated_tax",
        "estimated_total",
        "deposit_required",
    ),
    rules.Rule("booking_lines", "quantity_reserved", "quantity_reserved > 0", "is not positive"),
    *rules.at_least(1, "booking_lines", "rental_period"),
    *rules.at_least(0, "booking_lines", "unit_rate", "discount_amount"),
    *rules.at_least(0, "damage_assessments", "estimated_repair_cost"),
    *rules.at_least(
        0,
        "inventory_units",
        "quantity",
        "purchase_price",
        "sale_price",
        "security_deposit",
        "rental_rate_per_period",
        "warranty_period_days",
    ),
    *rules.at_least(1, "inventory_units", "rental_period"),
    *rules.at_least(1, "items", "rental_period"),
    *rules.at_least(0, "items", "sale_price", "purchase_price", "security_deposit", "warranty_period_days"),
    rules.Rule("items", "rental_rate_per_period", "rental_rate_per_period > 0", "is not positive"),
    *rules.at_least(0, "purchase_credit_memos", "credit_amount"),
    rules.Rule("purchase_credit_memos", "exchange_rate", "exchange_rate > 0", "is not positive"),
    *rules.at_least(
        0, "rental_extension_lines", "original_quantity", "extended_quantity", "returned_quantity", "damage_assessment"
    ),
    *rules.at_least(0, "rental_extensions", "extension_charges", "payment_received"),
    *rules.at_least(
        0,
        "rental_inspections",
        "total_repair_cost",
        "total_cleaning_cost",
        "total_deductions",
        "deposit_refund_amount",
    ),
    *rules.at_least(
        0,
        "rental_item_inspections",
        "quantity_inspected",
        "damage_fee_assessed",
        "cleaning_fee_assessed",
        "replacement_cost",
    ),
    *rules.at_least(
        0, "rental_lifecycles", "total_returned_quantity", "total_late_fees", "total_damage_fees", "total_other_fees"
    ),
    *rules.at_least(
        0,
        "rental_return_events",
        "total_quantity_returned",
        "late_fees_charged",
        "damage_fees_charged",
        "other_fees_charged",
        "payment_collected",
        "refund_issued",
    ),
    rules.Rule("repair_orders", "quantity", "quantity > 0", "is not positive"),
    *rules.at_least(0, "repair_orders", "estimated_cost", "repair_cost"),
    *rules.at_least(
        0,
        "return_line_details",
        "quantity_returned_good",
        "quantity_returned_damaged",
        "quantity_returned_beyond_repair",
        "quantity_lost",
        "damage_charges",
        "lost_item_charges",
    ),
    *rules.at_least(1, "sku_sequences", "next_sequence"),
    *rules.at_least(0, "suppliers", "credit_limit"),
    rules.Rule("suppliers", "quality_rating", "quality_rating BETWEEN 0 AND 5", "is not from 0 to 5"),
    rules.Rule("suppliers", "delivery_rating", "delivery_rating BETWEEN 0 AND 5", "is not from 0 to 5"),
    *rules.at_least(
        0,
        "transaction_headers",
        "subtotal",
        "discount_amount",
        "tax_amount",
        "shipping_amount",
        "deposit_amount",
        "extension_count",
        "total_extension_charges",
    ),
    rules.Rule("transaction_lines", "tax_rate", "tax_rate <= 100", "is above 100 %", name="tax_rate_limit"),
    *rules.at_least(0, "transaction_lines", "discount_amount", "tax_amount", "daily_rate"),
]
preflight = [rule.bad_rows for rule in RULES]


def upgrade() -> None:
    rules.impose(RULES)


def downgrade() -> None:
    rules.lift(RULES)
