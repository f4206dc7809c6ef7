"""Rows for tests: each factory stores one, with sensible values for what is not said."""

import functools
import hashlib
import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import argon2
from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.accounts.models import (
    Permission,
    RefreshToken,
    Role,
    User,
    UserPermission,
    role_permissions,
    user_roles,
)
from rental_backend.catalog.models import Brand, Category, Item, Location, LocationType, UnitOfMeasurement
from rental_backend.infra.identity import passwords
from rental_backend.infra.identity.tokens import Tokens
from rental_backend.inventory.models import InventoryUnit, StockLevel
from rental_backend.models import Model
from rental_backend.parties.models import Customer, CustomerType, Supplier, SupplierType
from rental_backend.transactions.models import TransactionHeader, TransactionType

Row = TypeVar("Row", bound=Model)
NOBODY = uuid.UUID(int=0)  # an id of nothing; the same in every run, since tests are named by it
_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=128, parallelism=1)  # of the applications that tests make
STRONG = HASHER.hash(PASSWORD)  # as strong as theirs
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)  # weaker


@functools.cache
def shipped() -> str:
    """A hash of `PASSWORD` as strong as those of a program that is started, which replaces weaker ones."""
    return passwords.HASHER.hash(PASSWORD)


def user(session: Session, *, permissions: tuple[str, ...] = (), **values: Any) -> User:
    """A user whose password is `PASSWORD`, with permissions granted directly."""
    number = next(_numbers)
    defaults = {"username": f"user{number}", "password": HASH, "full_name": f"User {number}", "user_type": "USER"}
    values = {**defaults, **values}
    made = User(**{"email": f"{values['username']}@example.com", **values})
    session.add(made)
    session.flush()
    for name in permissions:
        session.add(UserPermission(user_id=made.id, permission_id=permission(session, name).id))
    session.commit()
    return made


def token(session: Session, tokens: Tokens, holder: User, kind: str = "access", **more: Any) -> str:
    """A token of a new session of a user, as a sign-in gives it out."""
    begun = uuid.uuid4()
    signed, _ = tokens.sign(kind, holder.id, holder.username, session=begun, **more)
    begin(session, holder, id=begun, token=hashlib.sha256(signed.encode()).hexdigest())
    return signed


def superuser_token(session: Session, secret_key: str) -> str:
    """An access token of a new superuser, good for ten minutes for every application that has this key."""
    tokens = Tokens(secret_key, access_seconds=600, refresh_seconds=600)
    return token(session, tokens, user(session, is_superuser=True), superuser=True)


def begin(session: Session, holder: User, **values: Any) -> RefreshToken:
    """A session of a user, good for a week."""
    defaults = {"token": f"digest {next(_numbers)}", "expires_at": datetime.now(UTC) + timedelta(days=7)}
    made = RefreshToken(**{**defaults, "user_id": holder.id, **values})
    session.add(made)
    session.commit()
    return made


def permission(session: Session, name: str) -> Permission:
    """The permission of that name, made if need be."""
    found = session.scalars(select(Permission).where(Permission.name == name)).one_or_none()
    if found is None:
        resource, _, action = name.partition("_")
        found = Permission(name=name, resource=resource, action=action)
        session.add(found)
        session.flush()
    return found


def role(session: Session, holder: User, *, name: str, permissions: tuple[str, ...] = (), **values: Any) -> Role:
    """A role with permissions, held by a user."""
    made = Role(name=name, **values)
    session.add(made)
    session.flush()
    session.execute(user_roles.insert().values(user_id=holder.id, role_id=made.id))
    for each in permissions:
        granted = permission(session, each).id
        session.execute(role_permissions.insert().values(role_id=made.id, permission_id=granted))
    session.commit()
    return made


def customer(session: Session, **values: Any) -> Customer:
    """An individual, unless said otherwise."""
    number = next(_numbers)
    defaults = {
        "customer_code": f"C{number:05}",
        "customer_type": CustomerType.INDIVIDUAL,
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "email": f"customer{number}@example.com",
        "phone": f"+91 {number:010}",
    }
    made = Customer(**{**defaults, **values})
    session.add(made)
    session.commit()
    return made


def supplier(session: Session, **values: Any) -> Supplier:
    """A distributor, unless said otherwise."""
    number = next(_numbers)
    defaults = {
        "supplier_code": f"S{number:05}",
        "company_name": f"Supplies {number}",
        "supplier_type": SupplierType.DISTRIBUTOR,
    }
    made = Supplier(**{**defaults, **values})
    session.add(made)
    session.commit()
    return made


def transaction(session: Session, kind: TransactionType, **values: Any) -> TransactionHeader:
    """A transaction of a kind, without lines unless they are given."""
    made = TransactionHeader(**{"transaction_number": f"T-{next(_numbers)}", "transaction_type": kind, **values})
    session.add(made)
    session.commit()
    return made


def brand(session: Session, **values: Any) -> Brand:
    """A brand."""
    number = next(_numbers)
    made = Brand(**{"name": f"Brand {number}", "code": f"B{number}", **values})
    return _stored(session, made)


def category(session: Session, parent: Category | None = None, **values: Any) -> Category:
    """A category at the top or under a parent, which then is no leaf any more."""
    number = next(_numbers)
    name = values.setdefault("name", f"Category {number}")
    defaults = {
        "category_code": f"C{number}",
        "parent_category_id": parent.id if parent else None,
        "category_path": f"{parent.category_path}/{name}" if parent else name,
        "category_level": parent.category_level + 1 if parent else 1,
    }
    made = Category(**{**defaults, **values})
    if parent and made.is_active is not False:
        parent.is_leaf = False
    return _stored(session, made)


def unit(session: Session, **values: Any) -> UnitOfMeasurement:
    """A unit of measurement."""
    number = next(_numbers)
    made = UnitOfMeasurement(**{"name": f"Unit {number}", "code": f"U{number}", **values})
    return _stored(session, made)


def location(session: Session, **values: Any) -> Location:
    """A store, unless said otherwise."""
    number = next(_numbers)
    defaults = {
        "location_code": f"L{number}",
        "location_name": f"Location {number}",
        "location_type": LocationType.STORE,
    }
    made = Location(**{**defaults, **values})
    return _stored(session, made)


def item(session: Session, **values: Any) -> Item:
    """An item for rent, in a unit of its own unless said otherwise."""
    number = next(_numbers)
    if not {"unit_of_measurement", "unit_of_measurement_id"} & values.keys():
        values["unit_of_measurement_id"] = unit(session).id
    defaults = {
        "sku": f"SKU-{number:05}",
        "item_name": f"Item {number}",
        "reorder_point": 1,
        "is_rentable": not values.get("is_saleable", False),
    }
    made = Item(**{**defaults, **values})
    return _stored(session, made)


def stock(session: Session, item: Item, place: Location | None = None, **quantities: int) -> StockLevel:
    """What there is of an item at a location: `available=3, on_rent=1`."""
    at = place or location(session)
    counted = {f"quantity_{name}": quantity for name, quantity in quantities.items()}
    level = StockLevel(item_id=item.id, location_id=at.id, quantity_on_hand=sum(quantities.values()), **counted)
    return _stored(session, level)


def inventory_unit(session: Session, item: Item, place: Location, **values: Any) -> InventoryUnit:
    """A free piece of an item at a location."""
    defaults = {"sku": f"U-{next(_numbers):06}", "item_id": item.id, "location_id": place.id}
    return _stored(session, InventoryUnit(**{**defaults, **values}))


def _stored(session: Session, row: Row) -> Row:
    session.add(row)
    session.commit()
    return row
