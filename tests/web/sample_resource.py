"""A declared resource of toys: games with their pieces, in tables that production does not have."""

import uuid
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from marshmallow import fields, post_load
from sqlalchemy import CheckConstraint, ForeignKey, Index, MetaData, Numeric, String, UniqueConstraint, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from rental_backend import crud as records
from rental_backend.errors import Conflict, Unavailable
from rental_backend.fields import Money, Text
from rental_backend.infra import AUTH, DATABASE
from rental_backend.models import NAMES, Identified, Model, Retirable, at_least
from rental_backend.schemas import Browsing, Output, Payload
from rental_backend.web.endpoint.needs import Needs
from rental_backend.web.endpoint.pipeline import endpoint
from rental_backend.web.endpoint.principal import Principal
from rental_backend.web.query.conditions import Whole
from rental_backend.web.query.envelopes import PAGES
from rental_backend.web.query.listing import Listing
from rental_backend.web.resource.import_export import add_export, add_import
from rental_backend.web.resource.resource import Permissions, Resource

BROWSE, CHANGE = Needs(DATABASE, AUTH, stale_for=60), Needs(DATABASE, AUTH)
FORBIDDEN, LOST = "Thermonuclear War", "Lost Cities"


class GameModel(DeclarativeBase):
    """A base of its own, so that the tables of production stay what they are."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = Model.type_annotation_map


class Game(Retirable, GameModel):
    """A game; two do not have the same name in different case, nor one maker two of one edition."""

    __tablename__ = "games"
    __table_args__ = (
        *at_least(1, "players"),
        UniqueConstraint("maker", "edition"),
        Index("games_name_key", text("lower(name)"), unique=True),
    )

    name: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(20), default="board")
    players: Mapped[int] = mapped_column(default=2)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), default=Decimal(0))
    maker: Mapped[str | None]
    edition: Mapped[int | None]
    released: Mapped[date | None]
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("games.id"), index=True)


class Piece(Identified, GameModel):
    """A piece of a game, which keeps its game from being deleted."""

    __tablename__ = "game_pieces"
    __table_args__ = (CheckConstraint("label <> ''", name="label"),)

    label: Mapped[str] = mapped_column(unique=True)
    game_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("games.id", ondelete="RESTRICT"), index=True)


class GameFields(Payload):
    """What may be said of a game."""

    kind = Text(20)
    players = fields.Integer()
    price = Money()
    maker = Text(50, allow_none=True)
    edition = fields.Integer(allow_none=True)
    parent_id = fields.UUID(allow_none=True)


class NewGame(GameFields):
    """A game to be stored; its aliases are taken and not kept."""

    name = Text(50, 1, required=True)
    aliases = fields.List(fields.String())

    @post_load
    def forget(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave what has a column."""
        return {name: value for name, value in values.items() if name != "aliases"}


class GameChange(GameFields):
    """What is to be changed of a game."""

    name = Text(50, 1)
    is_active = fields.Boolean()


class GameSchema(Output):
    """A game as answered."""

    id = fields.UUID()
    name = fields.String()
    kind = fields.String()
    players = fields.Integer()
    price = fields.Decimal()
    maker = fields.String()
    edition = fields.Integer()
    is_active = fields.Boolean()
    updated_by = fields.String()


class GameQuery(Browsing):
    """Filters of the list of games."""

    kind = Text(20)
    least_players = fields.Integer()


class ShopQuery(Browsing):
    """Filters of the list of the shop."""

    least_players = fields.Integer()


def create(session: Session, actor: str, values: dict[str, Any]) -> Game:
    """Store a game, and its board after it; one game is forbidden, and at one the database is lost."""
    game = records.create(session, Game(**values), actor)
    if game.name == FORBIDDEN:
        raise Conflict("The only winning move is not to play.")
    if game.name == LOST:
        raise Unavailable("database", 1)
    session.add(Piece(label=f"board of {game.kind} {game.edition or uuid.uuid4()}", game_id=game.id))
    session.flush()
    return game


GAMES = Resource(
    name="games",
    prefix="/api/games",
    model=Game,
    schema=GameSchema,
    listing=Listing(
        Game,
        GameSchema,
        order=(Game.created_at.desc(), Game.id.desc()),
        query=GameQuery,
        search=(Game.name, Game.maker),
        filters=("kind",),
        conditions={"least_players": Game.players.__ge__},
        sorts=("name", "maker"),
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("GAME"),
    accepts=NewGame,
    changes=GameChange,
    create=create,
)
bp = GAMES.blueprint()
add_import(bp, GAMES, "GAME_CREATE")
add_export(bp, GAMES, "GAME_EXPORT")

SHOP = Resource(
    name="game_shop",
    prefix="/api/game-shop",
    model=Game,
    schema=GameSchema,
    listing=Listing(
        Game,
        GameSchema,
        order=(Game.name.asc(), Game.id.desc()),
        conditions={"least_players": Whole(Game.players.__ge__)},
        query=ShopQuery,
        sorts=("name",),
        dates=("created_at", "released"),
        sums=("price", "players"),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=Permissions.of("GAME"),
    accepts=NewGame,
    retire=None,
)
shop = SHOP.blueprint()


@bp.post("/<uuid:id>/play")
@endpoint(needs=CHANGE, permission="GAME_UPDATE", returns=GameSchema())
def play(session: Session, principal: Principal, id: uuid.UUID) -> Game:
    """Play a game, which wears it out."""
    return records.change(GAMES.find(session, id), principal.username, {"kind": "worn"})


@bp.delete("/<uuid:id>/pieces")
@endpoint(needs=CHANGE, permission="GAME_DELETE")
def burn(session: Session, id: uuid.UUID) -> None:
    """Delete a game for good, which its pieces forbid."""
    session.delete(GAMES.find(session, id))


def stored(session: Session, names: Iterable[str], **values: Any) -> list[Game]:
    """Store games, each a second older than the one before."""
    made = []
    for number, name in enumerate(names):
        age = func.make_interval(0, 0, 0, 0, 0, 0, number)
        made.append(Game(name=name, **{"created_at": func.now() - age, **values}))
        session.add(made[-1])
    session.commit()
    return made
