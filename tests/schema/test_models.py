"""What is true of all models."""

import re

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, configure_mappers, mapped_column, registry, relationship

from rental_backend.models import Model
from rental_backend.tables import metadata
from tests.schema.conftest import HERE


def _not_raising(models: registry) -> list[str]:
    """Return the relationships that would ask the database when they are looked at."""
    configure_mappers()
    return [str(each) for mapper in models.mappers for each in mapper.relationships if each.lazy != "raise"]


def test_every_table_of_production_has_a_model() -> None:
    """The tables of the models are those of production: 52 of 52."""
    production = set(re.findall(r"^CREATE TABLE (\w+)", (HERE / "production.sql").read_text(), re.MULTILINE))

    assert len(production) == 52
    assert production - set(metadata.tables) == set()


def test_no_relationship_asks_the_database_unasked() -> None:
    """Relationships are `lazy="raise"`: whoever reads one says beforehand how it is loaded."""
    assert sum(len(mapper.relationships) for mapper in Model.registry.mappers) > 40
    assert _not_raising(Model.registry) == []


def test_a_lazy_relationship_would_be_found() -> None:
    """A relationship that says nothing is named."""

    class Base(DeclarativeBase):
        """A base of its own."""

    class Node(Base):
        """A node of a tree."""

        __tablename__ = "nodes"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Leaf(Base):
        """A leaf of a tree."""

        __tablename__ = "leaves"
        id: Mapped[int] = mapped_column(primary_key=True)
        node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
        node: Mapped[Node] = relationship()

    assert _not_raising(Base.registry) == ["Leaf.node"]
