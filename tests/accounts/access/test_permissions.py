"""How much harm a permission can do, by a table written by hand: offline rights and the roles' pages go by it."""

from rental_backend.accounts.access.permissions import PERMISSIONS
from rental_backend.accounts.models import RiskLevel

CRITICAL = "AUDIT_DELETE BACKUP_MANAGE PERMISSION_ASSIGN ROLE_ASSIGN_PERMISSION SYSTEM_RESTORE SYSTEM_MAINTENANCE"
HIGH = """
    AUDIT_EXPORT CUSTOMER_DELETE CUSTOMER_BLACKLIST CUSTOMER_UPDATE_CREDIT FINANCE_RECONCILE INVENTORY_DELETE
    INVENTORY_ADJUST INVENTORY_STOCK_TAKE ITEM_DELETE ITEM_UPDATE_PRICE MASTER_DATA_DELETE MASTER_DATA_IMPORT
    PURCHASE_DELETE PURCHASE_APPROVE RENTAL_DELETE RENTAL_WAIVE_PENALTY ROLE_CREATE ROLE_UPDATE ROLE_DELETE ROLE_ASSIGN
    ROLE_CLONE SALE_DELETE SALE_REFUND SALES_DELETE SUPPLIER_DELETE SYSTEM_UPDATE SYSTEM_CONFIG SYSTEM_CONFIG_UPDATE
    SYSTEM_BACKUP SYSTEM_CLEAR_CACHE TRANSACTION_DELETE TRANSACTION_VOID USER_CREATE USER_UPDATE USER_DELETE
    USER_RESET_PASSWORD USER_MANAGE USER_ACTIVATE USER_DEACTIVATE USER_ASSIGN_ROLE USER_EXPORT
"""


def test_each_permission_is_as_risky_as_it_is_said_here() -> None:
    """Looking is harmless; what is not named above is of middle risk, so a new permission is looked at."""
    levels = {name: declared.risk_level for name, declared in PERMISSIONS.items()}
    looks = {name for name, declared in PERMISSIONS.items() if declared.action.startswith("VIEW")}

    assert {name for name, level in levels.items() if level is RiskLevel.CRITICAL} == set(CRITICAL.split())
    assert {name for name, level in levels.items() if level is RiskLevel.HIGH} == set(HIGH.split())
    assert {name for name, level in levels.items() if level is RiskLevel.LOW} == looks
