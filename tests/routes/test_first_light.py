"""The journey of issue one: sign in, create, list."""

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories


def test_a_clerk_signs_in_creates_and_lists_customers(client: FlaskClient, session: Session) -> None:
    """Signing in gives tokens that create and list customers."""
    user = factories.user(session, permissions=("CUSTOMER_VIEW", "CUSTOMER_CREATE"))
    signed_in = client.post("/api/auth/login", json={"username": user.username, "password": factories.PASSWORD}).json
    assert signed_in is not None
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    body = {"customer_code": "C-1", "customer_type": "BUSINESS", "business_name": "Film & Co"}

    created = client.post("/api/customers/", json=body, headers=headers)
    listed = client.get("/api/customers", headers=headers)

    assert created.status_code == 201, created.text
    assert created.json is not None
    assert listed.json == [created.json]
    assert listed.headers["X-Total-Count"] == "1"
    assert signed_in["user"]["effective_permissions"]["all_permissions"] == ["CUSTOMER_CREATE", "CUSTOMER_VIEW"]
