"""Sale of rental items: requests, conflicts and how they were resolved."""

from sqlalchemy import JSON, Boolean, Date, ForeignKey, Numeric, String, Text, Uuid

from .parts import AWARE, enumerated, optional, required, retirable, table

table(
    "sale_transition_requests",
    required("item_id", Uuid, ForeignKey("items.id", ondelete="CASCADE")),
    required("requested_by", Uuid, ForeignKey("users.id")),
    required("request_status", enumerated("transition_status")),
    required("sale_price", Numeric(10, 2)),
    optional("effective_date", Date),
    optional("conflict_summary", JSON),
    optional("revenue_impact", Numeric(10, 2)),
    required("approval_required", Boolean),
    optional("approved_by", Uuid, ForeignKey("users.id")),
    optional("approval_date", AWARE),
    optional("approval_notes", Text),
    optional("rejection_reason", Text),
    optional("processed_at", AWARE),
    optional("completed_at", AWARE),
    *retirable("sale_transition_requests"),
)

table(
    "sale_conflicts",
    required("transition_request_id", Uuid, ForeignKey("sale_transition_requests.id", ondelete="CASCADE")),
    required("conflict_type", enumerated("conflict_type")),
    required("entity_type", String(50)),
    required("entity_id", Uuid),
    required("severity", enumerated("conflict_severity")),
    optional("description", Text),
    optional("customer_id", Uuid, ForeignKey("customers.id")),
    optional("financial_impact", Numeric(10, 2)),
    required("detected_at", AWARE),
    required("resolved", Boolean),
    optional("resolved_at", AWARE),
    optional("resolution_action", enumerated("resolution_action")),
    optional("resolution_notes", Text),
    *retirable("sale_conflicts"),
)

table(
    "sale_resolutions",
    required("conflict_id", Uuid, ForeignKey("sale_conflicts.id", ondelete="CASCADE")),
    required("action_taken", enumerated("resolution_action")),
    optional("executed_by", Uuid, ForeignKey("users.id")),
    required("execution_status", String(50)),
    required("customer_notified", Boolean),
    optional("customer_response", String(50)),
    optional("compensation_amount", Numeric(10, 2)),
    optional("alternative_item_id", Uuid, ForeignKey("items.id")),
    optional("notes", Text),
    optional("executed_at", AWARE),
    *retirable("sale_resolutions"),
)

table(
    "sale_notifications",
    optional("resolution_id", Uuid, ForeignKey("sale_resolutions.id")),
    required("customer_id", Uuid, ForeignKey("customers.id")),
    required("notification_type", String(50)),
    required("channel", String(20)),
    required("status", String(50)),
    optional("content", JSON),
    optional("sent_at", AWARE),
    optional("delivered_at", AWARE),
    optional("read_at", AWARE),
    required("response_required", Boolean),
    optional("response_deadline", AWARE),
    optional("customer_response", Text),
    optional("responded_at", AWARE),
    *retirable("sale_notifications"),
)

table(
    "sale_transition_audit",
    optional("transition_request_id", Uuid, ForeignKey("sale_transition_requests.id")),
    required("action", String(100)),
    optional("actor_id", Uuid, ForeignKey("users.id")),
    optional("actor_role", String(50)),
    optional("details", JSON),
    optional("ip_address", String(45)),
    optional("user_agent", Text),
    *retirable("sale_transition_audit"),
)

table(
    "transition_checkpoints",
    required("transition_request_id", Uuid, ForeignKey("sale_transition_requests.id")),
    required("checkpoint_data", JSON),
    optional("expires_at", AWARE),
    required("used", Boolean),
    optional("used_at", AWARE),
    *retirable("transition_checkpoints"),
)
