"""The tables of what is rented and sold, and where."""

import enum
import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ColumnElement, Enum, ForeignKey, Index, String, case, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship, synonym

from ..models import Expression, Model, Price, Quantity, Retirable, at_least, folded, trigrams


class ItemStatus(enum.StrEnum):
    """Whether an item is traded."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    DISCONTINUED = "DISCONTINUED"


class LocationType(enum.StrEnum):
    """What a location is for."""

    STORE = "STORE"
    WAREHOUSE = "WAREHOUSE"
    SERVICE_CENTER = "SERVICE_CENTER"


def _display_name(name: Expression, code: Expression) -> ColumnElement[str]:
    """Return a name with its code, if it has one: `Piece (PCS)`."""
    return case((code.is_(None), name), else_=func.concat(name, " (", code, ")"))


class Brand(Retirable, Model):
    """A maker of items."""

    __tablename__ = "brands"
    __table_args__ = (
        Index("idx_brand_code_active", "code", "is_active"),
        Index("idx_brand_name_active", "name", "is_active"),
    )

    name: Mapped[str] = mapped_column(String(100), unique=True, index=True)
    code: Mapped[str | None] = mapped_column(String(20), unique=True, index=True)
    description: Mapped[str | None]

    display_name: Mapped[str] = column_property(_display_name(name, code), deferred=True)


class Category(Retirable, Model):
    """A place in the tree of items; `category_path` holds the names from the root, divided by slashes."""

    __tablename__ = "categories"
    __table_args__ = (
        Index("idx_category_active_leaf", "is_active", "is_leaf"),
        Index("idx_category_display_order", "display_order"),
        Index("idx_category_level", "category_level"),
        Index("idx_category_parent_order", "parent_category_id", "display_order"),
        Index("idx_category_path", "category_path"),
    )

    name: Mapped[str] = mapped_column(String(100))
    category_code: Mapped[str] = mapped_column(String(15), unique=True, index=True)
    parent_category_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("categories.id"))
    category_path: Mapped[str] = mapped_column(String(500))
    category_level: Mapped[int] = mapped_column(default=1)
    display_order: Mapped[int] = mapped_column(default=0)
    is_leaf: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None]

    parent: Mapped["Category | None"] = relationship(lazy="raise", remote_side="Category.id")
    category_name: Mapped[str] = synonym("name")
    level: Mapped[int] = synonym("category_level")
    parent_id: Mapped[uuid.UUID | None] = synonym("parent_category_id")
    is_root: Mapped[bool] = column_property(parent_category_id.is_(None), deferred=True)
    breadcrumb: Mapped[list[str]] = column_property(func.string_to_array(category_path, "/"), deferred=True)


class UnitOfMeasurement(Retirable, Model):
    """What an item is counted in."""

    __tablename__ = "units_of_measurement"
    __table_args__ = (
        Index("idx_unit_code_active", "code", "is_active"),
        Index("idx_unit_name_active", "name", "is_active"),
    )

    name: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    code: Mapped[str | None] = mapped_column(String(10), unique=True, index=True)
    description: Mapped[str | None]

    abbreviation: Mapped[str | None] = synonym("code")
    display_name: Mapped[str] = column_property(_display_name(name, code), deferred=True)


class Item(Retirable, Model):
    """Something that is rented or sold, in pieces that are inventory units. The rate is for one rental period."""

    __tablename__ = "items"
    __table_args__ = (
        Index("idx_item_brand", "brand_id"),
        Index("idx_item_category", "category_id"),
        Index("idx_item_name", "item_name"),
        Index("idx_item_status", "item_status"),
        Index("ix_items_newest", "created_at", "id"),
        *at_least(1, "rental_period"),
        *at_least(
            0, "sale_price", "purchase_price", "security_deposit", "warranty_period_days", "initial_stock_quantity"
        ),
        CheckConstraint("rental_rate_per_period > 0", name="rental_rate_per_period"),
        CheckConstraint("is_rentable <> is_saleable", name="is_saleable"),
    )

    sku: Mapped[str] = mapped_column(String(50), unique=True, index=True)
    item_name: Mapped[str] = mapped_column(String(200))
    item_status: Mapped[ItemStatus] = mapped_column(
        Enum(ItemStatus, name="item_status_enum"), default=ItemStatus.ACTIVE
    )
    brand_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("brands.id"))
    category_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("categories.id"))
    unit_of_measurement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("units_of_measurement.id"), index=True)
    rental_rate_per_period: Mapped[Price | None]
    rental_period: Mapped[int] = mapped_column(default=1)
    sale_price: Mapped[Price | None]
    purchase_price: Mapped[Price | None]
    security_deposit: Mapped[Price] = mapped_column(default=Decimal(0))
    description: Mapped[str | None]
    specifications: Mapped[str | None]
    model_number: Mapped[str | None] = mapped_column(String(100))
    serial_number_required: Mapped[bool] = mapped_column(default=False)
    warranty_period_days: Mapped[int] = mapped_column(default=0)
    reorder_point: Mapped[int]
    initial_stock_quantity: Mapped[Quantity | None]
    is_rentable: Mapped[bool] = mapped_column(default=False)
    is_saleable: Mapped[bool] = mapped_column(default=False)
    is_rental_blocked: Mapped[bool] = mapped_column(default=False)
    rental_block_reason: Mapped[str | None]
    rental_blocked_at: Mapped[datetime | None]
    rental_blocked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    brand: Mapped[Brand | None] = relationship(lazy="raise")
    category: Mapped[Category | None] = relationship(lazy="raise")
    unit_of_measurement: Mapped[UnitOfMeasurement] = relationship(lazy="raise")


ITEM_SEARCH = (Item.sku, Item.item_name, Item.model_number)
trigrams("ix_items_search", *ITEM_SEARCH)


class SkuSequence(Retirable, Model):
    """The next number of a SKU prefix, taken under a row lock."""

    __tablename__ = "sku_sequences"
    __table_args__ = (
        *at_least(1, "next_sequence"),
        Index(
            "uq_sku_sequences_brand_category",
            "brand_code",
            "category_code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("idx_sku_category", "category_code"),
    )

    brand_code: Mapped[str | None] = mapped_column(String(20))
    category_code: Mapped[str | None] = mapped_column(String(20))
    next_sequence: Mapped[int] = mapped_column(default=1)


class Location(Retirable, Model):
    """A place where stock is kept."""

    __tablename__ = "locations"
    __table_args__ = (
        Index("idx_location_city", "city"),
        Index("idx_location_country", "country"),
        Index("idx_location_manager", "manager_user_id"),
        Index("idx_location_name", "location_name"),
        Index("idx_location_state", "state"),
        Index("idx_location_type", "location_type"),
    )

    location_code: Mapped[str] = mapped_column(String(20), unique=True, index=True)
    location_name: Mapped[str] = mapped_column(String(100))
    location_type: Mapped[LocationType] = mapped_column(Enum(LocationType, name="location_type_enum"))
    address: Mapped[str | None]
    city: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str | None] = mapped_column(String(100))
    country: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    contact_number: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(255))
    manager_user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    contact_person_name: Mapped[str | None] = mapped_column(String(255))
    contact_person_title: Mapped[str | None] = mapped_column(String(100))
    contact_person_phone: Mapped[str | None] = mapped_column(String(50))
    contact_person_email: Mapped[str | None] = mapped_column(String(255))
    contact_person_notes: Mapped[str | None]

    code: Mapped[str] = synonym("location_code")
    name: Mapped[str] = synonym("location_name")


Index("uq_brands_name_alike", folded(Brand.name), unique=True, postgresql_nulls_not_distinct=True)
Index(
    "uq_units_of_measurement_name_alike",
    folded(UnitOfMeasurement.name),
    unique=True,
    postgresql_nulls_not_distinct=True,
)
Index("uq_locations_name_alike", folded(Location.location_name), unique=True, postgresql_nulls_not_distinct=True)
Index(
    "uq_categories_name_alike",
    folded(Category.name),
    Category.parent_category_id,
    unique=True,
    postgresql_nulls_not_distinct=True,
)


def _counted(owner: type[Model], thing: str, reference: Expression, active: ColumnElement[bool]) -> None:
    """Give a model the number of what belongs to it, and whether there is any; read only by who asks for it.

    Retired rows do not count: nobody sees them, so they keep nothing from being retired.
    """
    number = select(func.count()).where(reference == owner.__table__.c.id, active).correlate(owner.__table__)
    count = number.scalar_subquery()
    owner.__mapper__.add_property(f"{thing}_count", column_property(count, deferred=True))
    plural = {"child": "children"}.get(thing, f"{thing}s")
    owner.__mapper__.add_property(f"has_{plural}", column_property(count > 0, deferred=True))


_child, _item = Category.__table__.alias(), Item.__table__
_counted(Category, "child", _child.c.parent_category_id, _child.c.is_active)
_counted(Category, "item", _item.c.category_id, _item.c.is_active)
_counted(Brand, "item", _item.c.brand_id, _item.c.is_active)
_counted(UnitOfMeasurement, "item", _item.c.unit_of_measurement_id, _item.c.is_active)
