"""FastAPI with asyncpg, in its two usual ways: ORM objects through pydantic, and rows through orjson.

Both check the token, count as we do, and have a pool of the size of ours in autocommit, as ours is.
"""

import os
import uuid
from datetime import datetime
from typing import Any

import orjson
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import undefer

from deploy.benchmarks.customers import ONE, PAGE, TOTAL
from deploy.benchmarks.floor import check, written
from rental_backend import tables  # noqa: F401  the models name each other
from rental_backend.parties.models import Customer

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1),
    pool_size=8,
    max_overflow=0,
    isolation_level="AUTOCOMMIT",
)
PAGE_ROWS, TOTAL_ROWS, ONE_ROW = text(PAGE + ":limit"), text(TOTAL), text(ONE + ":id")
NEWEST = select(Customer).options(undefer(Customer.name)).where(Customer.is_active)
NEWEST = NEWEST.order_by(Customer.created_at.desc(), Customer.id.desc())


async def signed_in(request: Request) -> None:
    """Refuse who has no token of ours."""
    check(request.headers.get("Authorization", "")[7:])


orm = FastAPI(dependencies=[Depends(signed_in)])
core = FastAPI(dependencies=[Depends(signed_in)])


class CustomerOut(BaseModel):
    """A customer as answered."""

    model_config = ConfigDict(from_attributes=True)

    business_name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    mobile: str | None
    address_line1: str | None
    address_line2: str | None
    city: str | None
    state: str | None
    country: str | None
    postal_code: str | None
    tax_number: str | None
    payment_terms: str | None
    customer_tier: str
    credit_limit: float
    notes: str | None
    id: uuid.UUID
    customer_code: str
    customer_type: str
    name: str | None
    tax_id: str | None = Field(validation_alias="tax_number")
    status: str
    blacklist_status: str
    credit_rating: str
    total_rentals: int
    total_spent: float
    lifetime_value: float
    last_transaction_date: datetime | None
    last_rental_date: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by: str | None
    updated_by: str | None
    is_active: bool


@orm.get("/api/customers")
async def browse(response: Response, limit: int = 100) -> list[CustomerOut]:
    """Return the newest customers."""
    async with AsyncSession(engine) as session:
        rows = (await session.scalars(NEWEST.limit(limit))).all()
        response.headers["X-Total-Count"] = str(await session.scalar(TOTAL_ROWS))
        return [CustomerOut.model_validate(row) for row in rows]


@orm.get("/api/customers/{id}")
async def show(id: uuid.UUID) -> CustomerOut:
    """Return a customer."""
    async with AsyncSession(engine) as session:
        row = await session.get(Customer, id, options=[undefer(Customer.name)])
        if row is None:
            raise HTTPException(404)
        return CustomerOut.model_validate(row)


@core.get("/api/customers")
async def browse_rows(limit: int = 100) -> Response:
    """Return the newest customers."""
    async with engine.connect() as connection:
        rows = (await connection.execute(PAGE_ROWS, {"limit": limit})).mappings().all()
        total = await connection.scalar(TOTAL_ROWS)
    return _encoded([dict(row) for row in rows], {"X-Total-Count": str(total)})


@core.get("/api/customers/{id}")
async def show_row(id: uuid.UUID) -> Response:
    """Return a customer."""
    async with engine.connect() as connection:
        row = (await connection.execute(ONE_ROW, {"id": id})).mappings().one_or_none()
    if row is None:
        raise HTTPException(404)
    return _encoded(dict(row), {})


def _encoded(value: Any, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(value, default=written), media_type="application/json", headers=headers)
