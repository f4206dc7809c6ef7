"""Credit memos of purchase returns."""

from sqlalchemy import JSON, DateTime, ForeignKey, Numeric, String, Text, UniqueConstraint, Uuid

from .parts import optional, required, retirable, table

table(
    "purchase_credit_memos",
    required("return_id", Uuid, ForeignKey("transaction_headers.id")),
    required("credit_memo_number", String(100)),
    required("credit_date", DateTime),
    required("credit_amount", Numeric(10, 2)),
    required("credit_type", String(20)),
    required("currency", String(3)),
    required("exchange_rate", Numeric(10, 6)),
    optional("line_credits", JSON),
    optional("credit_terms", String(500)),
    optional("supplier_notes", Text),
    required("received_by", Uuid),
    *retirable("purchase_credit_memos"),
    UniqueConstraint("credit_memo_number"),
)
