"""Categories and the category tree."""

import uuid
from typing import Unpack

from sqlalchemy.orm import Session

from ...schemas import MOST_ROWS, Browsing
from ...web.endpoint.pipeline import endpoint
from ...web.endpoint.principal import Principal
from ...web.query.conditions import contains
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.query.projection import columns
from ...web.resource.extra_routes import add_list, add_search
from ...web.resource.import_export import add_import
from ...web.resource.resource import Resource
from ..models import Category
from ..needs import BROWSE, CHANGE, MASTER_DATA
from . import service as categories
from . import tree
from .schemas import (
    CategoryChange,
    CategoryMove,
    CategoryNode,
    CategoryQuery,
    CategorySchema,
    ImportedCategory,
    NewCategory,
    ParentQuery,
    TreeQuery,
)

LEAVES = "List categories that have no subcategory."
PARENTS = "List categories that can be a parent. `exclude_id` leaves out a category and all categories below it."

CATEGORIES = Resource(
    name="categories",
    prefix="/api/master-data/categories",
    model=Category,
    schema=CategorySchema,
    listing=Listing(
        Category,
        CategorySchema,
        order=(Category.name.asc(), Category.id.asc()),
        query=CategoryQuery,
        search=(Category.name, Category.category_code, Category.description),
        filters=("parent_category_id", "category_level", "is_leaf", "has_items", "has_children"),
        conditions={
            "name": contains(Category.name),
            "path_contains": contains(Category.category_path),
            "exclude_id": lambda top: Category.id.not_in(categories.below(top)),
        },
        sorts=(
            *("name", "category_name", "category_code", "category_path", "category_level", "level", "display_order"),
            *("is_leaf", "is_active", "created_at", "updated_at", "item_count", "child_count"),
        ),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=MASTER_DATA,
    accepts=NewCategory,
    create=categories.create,
    retire=None,  # changes of the tree take turns, before any row is locked
)
bp = CATEGORIES.blueprint()
add_search(bp, CATEGORIES)
add_import(bp, CATEGORIES, "MASTER_DATA_IMPORT", accepts=ImportedCategory, make=categories.create_named)
add_list(bp, CATEGORIES, "/parents", PARENTS, query=ParentQuery, rows=MOST_ROWS)
add_list(bp, CATEGORIES, "/leaves", LEAVES, query=Browsing, rows=MOST_ROWS, is_leaf=True)


@bp.get("/tree")
@endpoint(needs=BROWSE, permission="MASTER_DATA_VIEW", query=TreeQuery(), returns=CategoryNode(many=True))
def nested(session: Session, root_id: uuid.UUID | None, include_inactive: bool) -> bytes:
    """Show the category tree. It starts at the top, or at the category `root_id`."""
    return tree.nested(session, columns(CategorySchema, Category), root_id, everything=include_inactive)


@bp.route("/<uuid:id>", methods=["PUT", "PATCH"])
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", accepts=CategoryChange(), returns=CategorySchema())
def change(
    session: Session, principal: Principal, id: uuid.UUID, **fields: Unpack[categories.CategoryValues]
) -> Category:
    """Change a category.

    Fields that are not sent keep their values. All categories below follow a new name or a new place.
    """
    return categories.change(session, _found(session, id), principal.username, fields)


@bp.patch("/<uuid:id>/move")
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", accepts=CategoryMove(), returns=CategorySchema())
def move(session: Session, principal: Principal, id: uuid.UUID, new_parent_id: uuid.UUID | None) -> Category:
    """Move a category under another parent.

    All categories below move along. Without a parent the category is at the top.
    """
    return categories.change(session, _found(session, id), principal.username, {"parent_category_id": new_parent_id})


@bp.patch("/<uuid:id>/toggle-active")
@endpoint(needs=CHANGE, permission="MASTER_DATA_UPDATE", returns=CategorySchema())
def toggle(session: Session, principal: Principal, id: uuid.UUID) -> Category:
    """Toggle whether a category is active."""
    category = _found(session, id)
    return categories.change(session, category, principal.username, {"is_active": not category.is_active})


@bp.delete("/<uuid:id>")
@endpoint(needs=CHANGE, permission="MASTER_DATA_DELETE")
def retire(session: Session, principal: Principal, id: uuid.UUID) -> None:
    """Soft-delete a category. The category leaves the lists. The row, and what refers to it, stay."""
    categories.retire(session, _found(session, id), principal.username)


def _found(session: Session, id: uuid.UUID) -> Category:
    """Return a category for a change, in the turn of this transaction."""
    categories.take_turn(session)
    return CATEGORIES.find(session, id)
