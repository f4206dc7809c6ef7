"""What stands ready before a call of the frontend is made: each domain prepares its rows and names their ids."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.accounts.models import Role, SecurityAuditLog, User
from rental_backend.settings.business.seed import add_company, add_settings
from rental_backend.settings.models import BackupType, SystemBackup
from rental_backend.transactions.models import TransactionType
from tests import factories

Known = dict[str, str]


def accounts(client: FlaskClient, session: Session) -> Known:
    """A user with his refresh token, a colleague with a role, a grant and a session, and roles."""
    user = factories.user(session, is_superuser=True)
    body = {"username": user.username, "password": factories.PASSWORD}
    token = client.post("/api/auth/login", json=body).get_json()["refresh_token"]
    colleague = factories.user(session, permissions=("CUSTOMER_VIEW",))
    held = factories.role(session, colleague, name="held", permissions=("SALE_VIEW",))
    unused = Role(name="unused")
    session.add_all((unused, _event(colleague)))
    session.commit()
    return {
        **body,
        "refresh_token": token,
        "user_id": str(colleague.id),
        "session_id": str(factories.begin(session, colleague).id),
        "role_id": str(held.id),
        "unused_role_id": str(unused.id),
        "permission_id": str(factories.permission(session, "SALE_VIEW").id),
    }


def _event(user: User) -> SecurityAuditLog:
    return SecurityAuditLog(
        user_id=user.id, user_name=user.username, action="LOOK", resource="users", resource_id="1", success=True
    )


def parties(_: FlaskClient, session: Session) -> Known:
    """A customer who has bought, and a supplier we have bought from."""
    customer = factories.customer(session, lifetime_value=5)
    supplier = factories.supplier(session, last_order_date=datetime.now(UTC))
    factories.transaction(session, TransactionType.SALE, customer_id=customer.id, total_amount=5)
    factories.transaction(session, TransactionType.PURCHASE, supplier_id=supplier.id, total_amount=7)
    return {"customer_id": str(customer.id), "supplier_id": str(supplier.id)}


def catalog(_: FlaskClient, session: Session) -> Known:
    """A brand, a category below another, a unit, a location with a manager; and a retired one of each list in pages."""
    manager = factories.user(session)
    for make in (factories.brand, factories.category, factories.unit):
        make(session, is_active=False)
    parent = factories.category(session, name="Cameras")
    child = factories.category(session, parent, name="Bodies")
    return {
        "brand_id": str(factories.brand(session, description="Made in Japan").id),
        "parent_id": str(parent.id),
        "category_id": str(child.id),
        "unit_id": str(factories.unit(session, name="Gram").id),
        "location_id": str(factories.location(session, manager_user_id=manager.id).id),
        "manager_id": str(manager.id),
    }


def items(_: FlaskClient, session: Session) -> Known:
    """Two items of a brand in a category, one of them in stock at the one location, the other with serial numbers."""
    brand, category = factories.brand(session, name="Acme"), factories.category(session, name="Lamps")
    of = {"brand_id": brand.id, "category_id": category.id}
    item = factories.item(session, item_name="Arc lamp", rental_rate_per_period=12, **of)
    factories.stock(session, factories.item(session, item_name="Arc", rental_rate_per_period=9, **of), available=2)
    factories.item(session, item_name="Arc two", serial_number_required=True, **of)
    return {
        "item_id": str(item.id),
        "sku": item.sku,
        "brand_id": str(brand.id),
        "category_id": str(category.id),
        "unit_of_measurement_id": str(item.unit_of_measurement_id),
    }


def settings(client: FlaskClient, session: Session) -> Known:
    """Settings and the company as they are seeded, and a backup of a colleague."""
    add_settings(session)
    add_company(session)
    colleague = factories.user(session)
    backup = SystemBackup(backup_name="B", backup_type=BackupType.FULL, started_by=colleague.id)
    session.add(backup)
    session.commit()
    client.application.extensions["services"].settings_cache.change_signal.signal()
    return {"colleague_id": str(colleague.id), "backup_id": str(backup.id)}


Stage = Callable[[FlaskClient, Session], Known]
STAGE: dict[str, Stage] = {
    "accounts": accounts,
    "catalog": catalog,
    "items": items,
    "parties": parties,
    "settings": settings,
}
