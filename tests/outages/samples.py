"""What every route is asked with in the outage matrix: ids that are there, and bodies its schema takes.

Most of it is made up from the contract's schemas. What cannot be guessed stands here; a route that is refused with its
sample before it is tried is named by the matrix.
"""

import uuid
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import RefreshToken, User
from rental_backend.catalog.models import UnitOfMeasurement
from rental_backend.settings.business.seed import add_company, add_settings
from rental_backend.settings.models import Company
from rental_backend.web.endpoint.contracts import Contract
from tests import factories

Ids = dict[str, uuid.UUID]
CODE = "SAMPLE-1"
NOTHING = "no-such-thing"
UNIT = uuid.uuid5(uuid.NAMESPACE_URL, "unit of measurement")  # that a new item is counted in
ORIGIN = "https://pages.example.com"
HOLDER = "outage-holder"  # who asks; his password is cheap to verify

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/customers/": {"first_name": "Ada", "last_name": "Byron"},
    "PUT /api/operations/drills/<name>": {"kind": "error"},
    "POST /api/auth/roles/<uuid:id>/permissions": {"permission_ids": ["CUSTOMER_VIEW"]},
    "DELETE /api/auth/roles/<uuid:id>/permissions": {"permission_ids": ["CUSTOMER_VIEW"]},
    "PATCH /api/users/<uuid:id>/status": {"is_active": True},
    "PUT /api/suppliers/<uuid:id>/status": {"is_active": True},
    "POST /api/master-data/item-master/": {"unit_of_measurement_id": str(UNIT)},
    "PUT /api/master-data/items/rental-blocking/<uuid:id>/status": {"remarks": "Out for calibration"},
    "PUT /api/master-data/items/rental-blocking/bulk-status": {"remarks": "Out for calibration"},
    "PUT /api/system/currency": {"currency_code": "INR"},
    "PUT /api/system-settings/currency": {"currency_code": "INR"},
    "PUT /api/system/timezone/settings": {"system_timezone": "Asia/Kolkata"},
    "POST /api/system/whitelist/whitelist/cors-origins": {"origin": ORIGIN},
    "POST /api/auth/login": {"username": HOLDER, "password": "wrong"},
}
QUERIES: dict[str, dict[str, str]] = {"DELETE /api/system/whitelist/whitelist/cors-origins": {"origin": ORIGIN}}
CHECKED_BY_VIEW = {  # open to everybody for what is his own; the matrix asks for others'
    "DELETE /api/users/<uuid:user_id>/sessions": "USER_MANAGE",
    "DELETE /api/users/<uuid:user_id>/sessions/<uuid:session_id>": "USER_MANAGE",
}
DISABLED = {  # what is forbidden to everybody, whatever is there
    "POST /api/admin/database/reset",
    "POST /api/admin/database/clear-tables",
}
PARTS = {  # parameters of a path that are no ids
    "code": CODE,
    "customer_code": CODE,
    "supplier_code": CODE,
    "sku": CODE,
    "item_code": CODE,
    "key": "currency",
    "category": "financial",
    "name": "Piece",
    "abbreviation": "PCS",
}


def rows(session: Session, holder: User) -> Ids:
    """Store one row of each kind that a read shows by its id; return the ids by the route's first part or parameter."""
    role = factories.role(session, holder, name="outage role")
    begun: RefreshToken = factories.begin(session, holder)
    permission = factories.permission(session, "CUSTOMER_VIEW").id
    session.add(UnitOfMeasurement(id=UNIT, name="Piece", code="PCS"))
    session.flush()
    item = factories.item(session, sku=CODE).id
    brand, category = factories.brand(session).id, factories.category(session).id
    add_settings(session)
    session.commit()
    return {
        "item-master": item,
        "rental-blocking": item,
        "brands": brand,
        "brand": brand,
        "categories": category,
        "category": category,
        "units-of-measurement": UNIT,
        "locations": factories.location(session).id,
        "company": _company(session),
        "customers": factories.customer(session, customer_code=CODE).id,
        "suppliers": factories.supplier(session, supplier_code=CODE).id,
        "roles": role.id,
        "permissions": permission,
        "users": holder.id,
        "user_id": holder.id,
        "session_id": begun.id,
    }


def _company(session: Session) -> uuid.UUID:
    add_company(session)
    return session.scalars(select(Company.id)).one()


def path(method: str, rule: str, ids: Ids) -> str:
    """Return the path of a route: a read of a row that is there, a change of one that is not."""
    made, last = [], ""
    for part in rule.split("/"):
        name = part.strip("<>").rpartition(":")[2]
        if not part.startswith("<"):
            made.append(part)
            last = part
        elif not part.startswith("<uuid:"):
            made.append(PARTS.get(name, NOTHING) if method == "GET" else NOTHING)
        elif method == "GET":
            made.append(str(ids.get(name) or ids.get(last) or uuid.uuid4()))
        else:
            made.append(str(uuid.uuid5(uuid.NAMESPACE_URL, rule)))
    return "/".join(made)


def body(route: str, contract: Contract, refresh_token: str) -> Any:
    """Return a body that the contract takes: its required fields, and what is said above."""
    if contract.accepts is None:
        return None
    given = {"refresh_token": refresh_token} if "refresh_token" in contract.accepts.fields else {}
    body = {**_required(contract.accepts), **given, **BODIES.get(route, {})}
    return [body] if contract.accepts.many else body


def query(route: str, contract: Contract) -> dict[str, str]:
    """Return a query that the contract takes."""
    required = _required(contract.query) if contract.query else {}
    return {**{name: str(value) for name, value in required.items()}, **QUERIES.get(route, {})}


def _required(schema: Schema) -> dict[str, Any]:
    return {field.data_key or name: _value(field) for name, field in schema.load_fields.items() if field.required}


def _value(field: fields.Field[Any]) -> Any:
    """Make up a value that a field takes."""
    for rule in field.validators:
        if isinstance(rule, validate.OneOf):
            return next(iter(rule.choices))
    match field:
        case fields.Enum():
            return next(iter(field.enum)).value if field.by_value else next(iter(field.enum)).name
        case fields.UUID():
            return str(uuid.uuid4())
        case fields.List():
            return [_value(field.inner)]
        case fields.Boolean():
            return True
        case fields.Number():
            return 1
        case fields.Decimal():
            return str(Decimal(1))
        case fields.Email():
            return f"{uuid.uuid4().hex[:8]}@example.com"
        case fields.Date():
            return "2030-01-01"
        case fields.DateTime():
            return "2030-01-01T00:00:00Z"
        case fields.Nested():
            inner = _required(field.schema)
            return [inner] if field.many else inner
        case fields.Dict():
            return {}
    return f"Sample-{uuid.uuid4().hex[:8]}aA1!"
