"""Words of closed sets are words of those sets: reading another one fails."""

from migrations import rules

revision = "202611231807"
down_revision = "202611231806"
branch_labels = None
depends_on = None

CONDITIONS = "EXCELLENT GOOD FAIR POOR DAMAGED"
STATUSES = (
    "RENTAL_INPROGRESS RENTAL_COMPLETED RENTAL_LATE RENTAL_EXTENDED RENTAL_PARTIAL_RETURN RENTAL_LATE_PARTIAL_RETURN"
)
MOVEMENTS = (
    "PURCHASE PURCHASE_RETURN SALE SALE_RETURN RENTAL_OUT RENTAL_RETURN RENTAL_RETURN_DAMAGED RENTAL_RETURN_MIXED "
    "DAMAGE_ASSESSMENT SENT_FOR_REPAIR REPAIR_COMPLETED WRITE_OFF ADJUSTMENT_POSITIVE ADJUSTMENT_NEGATIVE TRANSFER_IN "
    "TRANSFER_OUT RESERVATION_EXTENDED DAMAGE_LOSS THEFT_LOSS SYSTEM_CORRECTION"
)
CATEGORIES = "GENERAL BUSINESS FINANCIAL INVENTORY RENTAL NOTIFICATION SECURITY INTEGRATION REPORTING SYSTEM"
DAMAGES = "PHYSICAL WATER ELECTRICAL WEAR_AND_TEAR COSMETIC FUNCTIONAL OTHER"
REASONS = "SCHEDULED_UPDATE RETURN_EVENT MANUAL_UPDATE EXTENSION LATE_FEE_APPLIED DAMAGE_ASSESSMENT"
UNITS = "AVAILABLE RENTED SOLD MAINTENANCE DAMAGED UNDER_REPAIR BEYOND_REPAIR RETIRED"
ACTIONS = "CREATE READ UPDATE DELETE LOGIN LOGOUT EXPORT IMPORT BACKUP RESTORE"
RULES = [
    rules.one_of("audit_logs", "action", "auditaction", ACTIONS),
    rules.one_of("damage_assessments", "damage_severity", "damageseverity", "MINOR MODERATE SEVERE BEYOND_REPAIR"),
    rules.one_of("damage_assessments", "damage_type", "damagetype", DAMAGES),
    rules.one_of("inventory_units", "condition", "unitcondition", f"NEW {CONDITIONS}"),
    rules.one_of("inventory_units", "status", "unitstatus", UNITS),
    rules.one_of("permissions", "risk_level", "risklevel", "LOW MEDIUM HIGH CRITICAL"),
    rules.one_of("rental_block_history", "entity_type", "blockedentity", "ITEM CUSTOMER INVENTORY_UNIT"),
    rules.one_of("rental_inspections", "overall_condition", "inspectedcondition", CONDITIONS),
    rules.one_of("rental_item_inspections", "condition", "inspectedcondition", CONDITIONS),
    rules.one_of("rental_lifecycles", "current_status", "rentalstatus", STATUSES),
    rules.one_of(
        "rental_return_events", "event_type", "returneventtype", "PARTIAL_RETURN FULL_RETURN EXTENSION STATUS_CHANGE"
    ),
    rules.one_of("rental_status_logs", "change_reason", "statuschangereason", REASONS),
    rules.one_of("repair_orders", "quality_check_status", "qualitycheckstatus", "PENDING PASSED FAILED"),
    rules.one_of("repair_orders", "repair_status", "repairstatus", "PENDING IN_PROGRESS COMPLETED FAILED CANCELLED"),
    rules.one_of("stock_movements", "movement_type", "movementtype", MOVEMENTS),
    rules.one_of("suppliers", "payment_terms", "paymentterms", "IMMEDIATE NET15 NET30 NET45 NET60 NET90 COD"),
    rules.one_of("system_backups", "backup_status", "backupstatus", "PENDING RUNNING COMPLETED FAILED CANCELLED"),
    rules.one_of("system_backups", "backup_type", "backuptype", "FULL INCREMENTAL DIFFERENTIAL"),
    rules.one_of("system_settings", "setting_category", "settingcategory", CATEGORIES),
    rules.one_of("system_settings", "setting_type", "settingtype", "STRING INTEGER DECIMAL BOOLEAN JSON DATE DATETIME"),
    rules.one_of("users", "user_type", "usertype", "SUPERADMIN ADMIN MANAGER USER CUSTOMER"),
]
preflight = [rule.bad_rows for rule in RULES]


def upgrade() -> None:
    rules.impose(RULES)


def downgrade() -> None:
    rules.lift(RULES)
