"""A small domain for tests of the engine: toys, in a table that production does not have."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from flask import Blueprint
from marshmallow import fields
from sqlalchemy import Numeric, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from rental_backend.errors import AppError, Conflict
from rental_backend.fields import Money, Text, TextOrEmpty
from rental_backend.guards import guarded
from rental_backend.infra import AUTH, DATABASE
from rental_backend.models import Identified
from rental_backend.schemas import Output, Paging, Payload
from rental_backend.web.endpoint.needs import NOTHING, PUBLIC, SIGNED_IN, Needs
from rental_backend.web.endpoint.pipeline import endpoint
from rental_backend.web.endpoint.principal import Principal
from rental_backend.web.query import projection
from rental_backend.web.query.listing import Listing
from rental_backend.web.query.paging import Page

NEEDS = Needs(DATABASE, AUTH)
CRASH = "a secret of the house"  # which no line of the source shows where it is raised


class ToyModel(DeclarativeBase):
    """A base of its own, so that the tables of production stay what they are."""


class Toy(Identified, ToyModel):
    """Something to play with."""

    __tablename__ = "toys"

    name: Mapped[str] = mapped_column(String(50), unique=True)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), default=Decimal(0))
    colour: Mapped[str | None]
    label: Mapped[str | None]
    sold_at: Mapped[datetime | None]


class NewToy(Payload):
    """A toy to be made."""

    name = Text(50, 1, required=True)
    price = Money()


class Part(Payload):
    """A part of a toy, whose price not everybody says."""

    STORED: ClassVar = Toy

    name = Text(50)
    price = Money(metadata=guarded("TOY_PRICE"))


class Offer(Part):
    """What a toy is offered for, with its parts and its box; gold is not for everybody."""

    colour = Text(20, allow_none=True, metadata=guarded({"gold": "TOY_GOLD"}))
    secret = Text(20, metadata=guarded("TOY_SECRET", stored=""))
    parts = fields.List(fields.Nested(Part))
    box = fields.Nested(Part)


class ToySchema(Output):
    """A toy as answered."""

    id = fields.UUID()
    name = fields.String()
    title = fields.String(attribute="name")
    price = fields.Decimal()
    colour = fields.String()
    label = TextOrEmpty()
    sold_at = fields.AwareDateTime()


class ToyQuery(Paging):
    """Filters of the list of toys."""

    colour = Text(50)


class Played(AppError):
    """A refusal that leaves a trace."""

    status, code, title = 409, "played", "Played with"
    keeps_transaction = True


TOYS = Listing(
    Toy, ToySchema, order=(Toy.name.asc(),), query=ToyQuery, search=(Toy.name, Toy.colour), filters=("colour",)
)
bp = Blueprint("toys", __name__)


@bp.get("/api/toys/")
@endpoint(needs=NEEDS, permission="TOY_VIEW", query=ToyQuery(), returns=ToySchema(many=True))
def browse(session: Session, **filters: Any) -> Page:
    """Return toys by name."""
    return TOYS.page(session, filters)


@bp.get("/api/toys/one-by-one")
@endpoint(needs=NEEDS, permission="TOY_VIEW", returns=ToySchema(many=True))
def browse_slowly(session: Session) -> list[Toy]:
    """Return toys, each by a statement of its own."""
    ids = session.scalars(select(Toy.id)).all()
    return [session.scalars(select(Toy).where(Toy.id == each)).one() for each in ids]


@bp.get("/api/toys/<uuid:id>")
@endpoint(needs=NEEDS, permission="TOY_VIEW", returns=ToySchema())
def show(session: Session, id: uuid.UUID) -> bytes:
    """Return one toy."""
    return projection.one(session, ToySchema, Toy, id)


@bp.post("/api/toys/")
@endpoint(needs=NEEDS, permission="TOY_CREATE", accepts=NewToy(), returns=ToySchema(), status=201)
def make(session: Session, **values: Any) -> Toy:
    """Make a toy; a name in use clashes in the database."""
    toy = Toy(**values)
    session.add(toy)
    return toy


@bp.post("/api/toys/break")
@endpoint(needs=NEEDS, permission="TOY_CREATE", accepts=NewToy())
def break_off(session: Session, name: str) -> None:
    """Make a toy and fail, unexpectedly."""
    session.add(Toy(name=name))
    session.flush()
    raise RuntimeError(CRASH)


@bp.post("/api/toys/refuse")
@endpoint(needs=NEEDS, permission="TOY_CREATE", accepts=NewToy())
def refuse(session: Session, name: str) -> None:
    """Make a toy and refuse."""
    session.add(Toy(name=name))
    session.flush()
    raise Conflict("Not this toy.")


@bp.post("/api/toys/play")
@endpoint(needs=NEEDS, permission="TOY_CREATE", accepts=NewToy())
def play(session: Session, name: str) -> None:
    """Make a toy and refuse, but keep it."""
    session.add(Toy(name=name))
    raise Played("Kept all the same.")


@bp.post("/api/toys/count")
@endpoint(needs=NEEDS, permission="TOY_VIEW")
def count(session: Session) -> dict[str, int]:
    """Count toys, without changing any."""
    return {"toys": len(session.scalars(select(Toy.id)).all())}


@bp.get("/api/toys/whoami")
@endpoint(needs=NEEDS, permission=SIGNED_IN)
def whoami(principal: Principal) -> dict[str, Any]:
    """Say who is calling."""
    return {"username": principal.username, "permissions": sorted(principal.permissions)}


@bp.route("/api/toys/any", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@endpoint(needs=NOTHING, permission=PUBLIC)
def anything() -> dict[str, bool]:
    """Answer anybody, without any dependency."""
    return {"ok": True}


class Fickle:
    """How often the server is to end the connection of `fickle`, and how often that was tried."""

    losses = attempts = 0


@bp.route("/api/toys/fickle", methods=["GET", "POST"])
@endpoint(needs=NEEDS, permission="TOY_VIEW")
def fickle(session: Session) -> dict[str, int]:
    """Lose the connection for the first few times."""
    Fickle.attempts += 1
    if Fickle.attempts <= Fickle.losses:
        session.execute(select(func.pg_terminate_backend(func.pg_backend_pid())))
    return {"toys": len(session.scalars(select(Toy.id)).all())}


@bp.get("/api/toys/crash")
@endpoint(needs=NOTHING, permission=PUBLIC)
def crash() -> None:
    """Fail, unexpectedly."""
    raise RuntimeError(CRASH)


@bp.get("/api/analytics/toys")
@bp.get("/api/transactions/sales/toys")
@endpoint(needs=NOTHING, permission=PUBLIC)
def aliased() -> dict[str, bool]:
    """Be reached by doubled prefixes too."""
    return {"ok": True}


@bp.post("/offers")
@bp.put("/offers/<uuid:id>")
@endpoint(needs=NEEDS, permission="TOY_CREATE", accepts=Offer())
def offer(session: Session, **given: Any) -> dict[str, Any]:  # noqa: ARG001 - what is stored is compared by it
    """Give back what the view is given."""
    return {"given": {name: value for name, value in given.items() if name != "id"}}
