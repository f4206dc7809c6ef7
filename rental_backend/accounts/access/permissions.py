"""Every permission there is, and which roles have which: the one source of both.

The names come from the predecessor's seeds and guards. Six more are checked only by the pages of the frontend.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..models import RiskLevel


@dataclass(frozen=True, slots=True)
class Declared:
    """A permission: to do `action` to `resource`."""

    name: str
    resource: str
    action: str
    description: str
    risk_level: RiskLevel


@dataclass(frozen=True, slots=True)
class DeclaredRole:
    """A role, and which permissions it has."""

    name: str
    description: str
    has: Callable[[Declared], bool]


# D36: declared in code, no denials.
RESOURCES = {
    "ANALYTICS": ("dashboards and figures", "VIEW"),
    "AUDIT": ("the audit log", "VIEW EXPORT DELETE"),
    "BACKUP": ("backups", "MANAGE"),
    "CUSTOMER": (
        "customers",
        "VIEW CREATE UPDATE DELETE EXPORT BLACKLIST VIEW_TRANSACTIONS VIEW_RENTALS UPDATE_CREDIT",
    ),
    "FINANCE": ("finances", "VIEW EXPORT RECONCILE"),
    "INVENTORY": ("inventory", "VIEW CREATE UPDATE EDIT DELETE ADJUST TRANSFER VIEW_HISTORY STOCK_TAKE EXPORT"),
    "ITEM": ("items", "VIEW CREATE UPDATE DELETE UPDATE_PRICE UPDATE_STATUS VIEW_HISTORY EXPORT"),
    "MASTER_DATA": ("master data", "VIEW CREATE UPDATE DELETE IMPORT EXPORT"),
    "PERMISSION": ("permissions", "VIEW ASSIGN"),
    "PURCHASE": ("purchases", "VIEW CREATE UPDATE DELETE APPROVE REJECT RETURN VIEW_HISTORY EXPORT"),
    "RENTAL": (
        "rentals",
        "VIEW CREATE UPDATE DELETE RETURN EXTEND CANCEL VIEW_HISTORY APPLY_PENALTY WAIVE_PENALTY EXPORT",
    ),
    "REPORT": ("reports", "VIEW CREATE EXPORT"),
    "ROLE": ("roles", "VIEW CREATE UPDATE DELETE ASSIGN ASSIGN_PERMISSION VIEW_USERS CLONE"),
    "SALE": ("sales", "VIEW CREATE UPDATE DELETE REFUND"),
    "SALES": ("sales", "VIEW CREATE UPDATE DELETE RETURN APPLY_DISCOUNT VIEW_HISTORY EXPORT"),
    "SUPPLIER": ("suppliers", "VIEW CREATE UPDATE DELETE VIEW_TRANSACTIONS VIEW_PRODUCTS UPDATE_STATUS EXPORT"),
    "SYSTEM": ("the system", "VIEW UPDATE CONFIG CONFIG_UPDATE BACKUP RESTORE VIEW_LOGS CLEAR_CACHE MAINTENANCE"),
    "TRANSACTION": ("transactions", "VIEW CREATE UPDATE DELETE VOID VIEW_DETAILS EXPORT"),
    "USER": (
        "users",
        "VIEW CREATE UPDATE DELETE RESET_PASSWORD MANAGE ACTIVATE DEACTIVATE ASSIGN_ROLE VIEW_PERMISSIONS "
        "VIEW_SESSIONS EXPORT",
    ),
}

# D31: what undoes records or gives itself out is critical.
CRITICAL = {  # what cannot be undone, or lets one give oneself everything else
    *("AUDIT_DELETE", "BACKUP_MANAGE", "SYSTEM_RESTORE", "SYSTEM_MAINTENANCE"),
    *("PERMISSION_ASSIGN", "ROLE_ASSIGN_PERMISSION"),
}
ADMINISTERED = {"AUDIT", "BACKUP", "PERMISSION", "ROLE", "SYSTEM", "USER"}
RISKY = {
    *("ADJUST", "APPROVE", "BLACKLIST", "DELETE", "IMPORT", "MANAGE", "RECONCILE", "REFUND", "RESET_PASSWORD"),
    *("STOCK_TAKE", "UPDATE_CREDIT", "UPDATE_PRICE", "VOID", "WAIVE_PENALTY"),
}


def _risk(resource: str, action: str) -> RiskLevel:
    """Looking is harmless; what touches money, users or many rows at once is risky."""
    if f"{resource}_{action}" in CRITICAL:
        return RiskLevel.CRITICAL
    if action.startswith("VIEW"):
        return RiskLevel.LOW
    return RiskLevel.HIGH if action in RISKY or resource in ADMINISTERED else RiskLevel.MEDIUM


SAID = {
    "INVENTORY_STOCK_TAKE": "Take stock",
    "SYSTEM_CONFIG": "See the settings",
    "SYSTEM_CONFIG_UPDATE": "Change the settings",
    "SYSTEM_MAINTENANCE": "Maintain the system",
}


def _described(name: str, action: str, things: str) -> str:
    verb, _, what = action.capitalize().partition("_")
    return SAID.get(name) or (f"{verb} {what.replace('_', ' ')} of {things}" if what else f"{verb} {things}")


PERMISSIONS = {
    name: Declared(name, resource, action, _described(name, action, things), _risk(resource, action))
    for resource, (things, actions) in RESOURCES.items()
    for action in actions.split()
    for name in [f"{resource}_{action}"]
}

# What is left to somebody who may have been signed out: nothing that harms, or shows who may do what.
SECRETIVE = {"AUDIT", "BACKUP", "PERMISSION", "ROLE", "USER"}
HARMLESS = frozenset(
    each.name
    for each in PERMISSIONS.values()
    if each.risk_level in (RiskLevel.LOW, RiskLevel.MEDIUM) and each.resource not in SECRETIVE
)

# What the break-glass account may do: look at everything, and steer.
BREAK_GLASS = frozenset(
    {"SYSTEM_MAINTENANCE", *(each.name for each in PERMISSIONS.values() if each.action.startswith("VIEW"))}
)

BUSINESS = set(RESOURCES) - ADMINISTERED
MANAGED = {
    *("INVENTORY_EDIT", "INVENTORY_TRANSFER", "RENTAL_RETURN", "RENTAL_EXTEND", "REPORT_EXPORT", "AUDIT_VIEW"),
    *("ITEM_UPDATE_PRICE", "ITEM_UPDATE_STATUS"),
}
# The predecessor let everybody see locations and items, and clerks cannot rent without: that is MASTER_DATA and ITEM.
CLERKS = {
    *("CUSTOMER_VIEW", "CUSTOMER_CREATE", "CUSTOMER_UPDATE", "INVENTORY_VIEW", "ITEM_VIEW", "MASTER_DATA_VIEW"),
    *("RENTAL_VIEW", "RENTAL_CREATE", "RENTAL_RETURN", "SALE_VIEW", "SALE_CREATE", "REPORT_VIEW"),
}

ROLES = (
    DeclaredRole("SUPER_ADMIN", "May do everything", lambda _: True),
    DeclaredRole("ADMIN", "May do all but the critical", lambda it: it.risk_level is not RiskLevel.CRITICAL),
    DeclaredRole(
        "MANAGER",
        "Runs the business",
        lambda it: (it.resource in BUSINESS and it.action in {"VIEW", "CREATE", "UPDATE"}) or it.name in MANAGED,
    ),
    DeclaredRole("STAFF", "Serves customers", lambda it: it.name in CLERKS),
    DeclaredRole("VIEWER", "Looks and changes nothing", lambda it: it.action == "VIEW"),
)
