"""What stands ready for the examples of the document: a row of each kind, all with the id that the examples name."""

from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from rental_backend.settings.business.seed import add_company, add_settings
from rental_backend.settings.models import BackupType, SystemBackup
from rental_backend.web.openapi.schemas import EXAMPLE_ID
from tests import factories


def stage(app: Flask, session: Session) -> FlaskClient:
    """Store the rows, and return the client of a superuser."""
    add_settings(session)
    add_company(session)
    for make in (factories.brand, factories.category, factories.unit, factories.location):
        make(session, id=EXAMPLE_ID)
    factories.customer(session, id=EXAMPLE_ID, customer_code="CODE")
    factories.supplier(session, id=EXAMPLE_ID, supplier_code="CODE")
    factories.item(session, id=EXAMPLE_ID, sku="SKU")
    colleague = factories.user(session, id=EXAMPLE_ID, permissions=("CUSTOMER_VIEW",))
    factories.begin(session, colleague, id=EXAMPLE_ID)
    factories.role(session, colleague, name="held", id=EXAMPLE_ID)
    asked = {"backup_type": BackupType.FULL, "backup_status": "COMPLETED", "started_at": datetime.now(UTC)}
    session.add(SystemBackup(id=EXAMPLE_ID, backup_name="Example", started_by=str(colleague.id), **asked))
    session.commit()
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {sign_in(app, session)}"
    return client


def sign_in(app: Flask, session: Session) -> str:
    """Return the token of a new superuser."""
    user = factories.user(session, is_superuser=True)
    return factories.token(session, app.extensions["services"].identity.tokens, user, superuser=True)
