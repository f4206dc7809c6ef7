"""The tree of categories (BR-A12, BR-A13, BR-B4).

Its rules look at many rows (is the code free, is it below itself, has the parent other children), and a change of one
row is a change of all below it. So each change of the tree waits for its turn first: one at a time, each sees what
the one before has done.
"""

import uuid
from typing import TypedDict

from sqlalchemy import ColumnElement, Select, exists, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from ... import crud as records
from ...errors import Conflict, Invalid
from ...models import folded
from .. import usage as service
from ..models import Category
from .codes import free_code

TURN = 202_508_191  # the advisory lock for changes of the tree
DEEPEST = 20
LONGEST_PATH = 500


class CategoryValues(TypedDict, total=False):
    """What can be said of a category; a change holds only what it changes."""

    name: str
    category_code: str
    parent_category_id: uuid.UUID | None
    display_order: int
    description: str | None
    is_active: bool


class NamedValues(CategoryValues, total=False):
    """What a table says of a category, which names the one above it by its path."""

    parent_path: str


# D50: changes of the tree take turns.
def take_turn(session: Session) -> None:
    """Wait until nobody else is changing the tree. Comes before any row is locked, or two could wait for each other."""
    session.execute(select(func.pg_advisory_xact_lock(TURN)))


def create(session: Session, actor: str, fields: CategoryValues) -> Category:
    """Create a category, with a code of its own unless one is given. Raises `Invalid` or `Conflict` by the rules."""
    take_turn(session)
    given = fields.copy()
    parent = _parent(session, given.get("parent_category_id"))
    _require_free_name(session, given["name"], parent)
    level = parent.category_level + 1 if parent else 1
    code = given.pop("category_code", None)
    above = parent.category_code if parent else None
    category = Category(
        **given,
        category_code=code or free_code(session, given["name"], above, level),
        category_path=f"{parent.category_path}/{given['name']}" if parent else given["name"],
        category_level=level,
    )
    _require_bounds(level, len(category.category_path))
    records.create(session, category, actor)
    _settle_leaves(session, category.parent_category_id)
    return category


def create_named(session: Session, actor: str, fields: NamedValues) -> Category:
    """Create a category below the one that has a path. Raises `Invalid` if there is none, or as `create`."""
    values = fields.copy()
    path = values.pop("parent_path", None)
    if path is not None:
        take_turn(session)
        values["parent_category_id"] = service.id_of("parent_path", path, session, Category.category_path)
    return create(session, actor, values)


def change(session: Session, category: Category, actor: str, fields: CategoryValues) -> Category:
    """Change what is given; the paths and levels of all below follow. The caller has the turn.

    Raises `Conflict` for a name that is taken, a parent that is below the category or retired, and for retiring one
    with children. Items may be left: they keep it, and new ones cannot choose it.
    """
    given, old = fields, category.parent_category_id
    parent = _parent(session, given.get("parent_category_id", old), old)
    renamed = given.get("name", category.name) != category.name
    moved = given.get("parent_category_id", old) != old
    if moved and parent:
        _require_outside(session, category, parent)
    if moved or renamed:
        _require_free_name(session, given.get("name", category.name), parent, but=category.id)
    if given.get("is_active") is False:
        _require_childless(session, category)
    if given.get("is_active") and parent and not parent.is_active:
        raise Conflict("The parent category is retired. Restore the parent first.", code="parent_retired")
    records.change(category, actor, given)
    session.flush()
    if moved or renamed:
        _settle_paths(session, category, actor)
    _settle_leaves(session, old, category.parent_category_id)
    return category


def retire(session: Session, category: Category, actor: str) -> Category:
    """Delete a category out of sight. Raises `InUse` if it has items or children. The caller has the turn."""
    _require_childless(session, category)
    service.retire(session, category, actor)
    session.flush()
    _settle_leaves(session, category.parent_category_id)
    return category


def below(id: uuid.UUID | ColumnElement[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Return the selection of the ids of a category and of all below it."""
    tree = select(Category.id).where(Category.id == id).cte("below", recursive=True)
    child = aliased(Category)
    return select(tree.union(select(child.id).join(tree, child.parent_category_id == tree.c.id)).c.id)


def _parent(session: Session, id: uuid.UUID | None, old: uuid.UUID | None = None) -> Category | None:
    """Return the parent that is asked for; a new one must be there and in use."""
    if id is None:
        return None
    parent = session.get(Category, id)
    if parent is None:
        raise Invalid({"parent_category_id": ["There is no such category."]})
    if id != old and not parent.is_active:
        raise Conflict("parent_category_id names a category that is retired.", code="parent_retired")
    return parent


def _require_free_name(session: Session, name: str, parent: Category | None, *, but: uuid.UUID | None = None) -> None:
    """Refuse a name like that of another category under the same parent, a retired one too (BR-A13)."""
    place = Category.parent_category_id.is_not_distinct_from(parent and parent.id)
    alike = folded(Category.name) == folded(literal(name))
    if session.scalar(select(exists().where(alike, place, Category.id.is_distinct_from(but)))):
        raise Conflict("name is in use already under this parent.", errors={"name": ["Is in use already."]})


def _require_outside(session: Session, category: Category, parent: Category) -> None:
    if parent.id in session.scalars(below(category.id)).all():
        raise Conflict("A category cannot be moved under itself or under a category below it.", code="cyclic_move")


def _require_childless(session: Session, category: Category) -> None:
    children = service.count(session, Category.parent_category_id == category.id, Category.is_active)
    service.require_unused(category, children, "child category", "child categories")


def _require_bounds(level: int, length: int) -> None:
    if level > DEEPEST:
        raise Conflict(f"Categories can be {DEEPEST} levels deep at most.", code="too_deep")
    if length > LONGEST_PATH:
        raise Invalid({"name": [f"The path of names would be longer than {LONGEST_PATH} characters."]})


def _settle_paths(session: Session, category: Category, actor: str) -> None:
    """Write path and level of a category and of all below it anew."""
    above, child = aliased(Category), aliased(Category)
    tree = (
        select(
            Category.id,
            func.concat(above.category_path + "/", Category.name).label("path"),
            (func.coalesce(above.category_level, 0) + 1).label("level"),
        )
        .outerjoin(above, Category.parent_category_id == above.id)
        .where(Category.id == category.id)
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(child.id, func.concat(tree.c.path, literal("/"), child.name), tree.c.level + 1)
        .join(tree, child.parent_category_id == tree.c.id)
        .where(tree.c.level <= DEEPEST)
    )
    deepest, longest = session.execute(select(func.max(tree.c.level), func.max(func.length(tree.c.path)))).one()
    _require_bounds(deepest, longest)
    session.execute(
        update(Category)
        .where(Category.id == tree.c.id)
        .values(category_path=tree.c.path, category_level=tree.c.level, updated_by=actor)
        .execution_options(synchronize_session=False)
    )


def _settle_leaves(session: Session, *ids: uuid.UUID | None) -> None:
    """Say of categories whether they are leaves: whether no other stands under them that is not retired."""
    child = aliased(Category)
    leaf = ~exists().where(child.parent_category_id == Category.id, child.is_active).correlate(Category)
    session.execute(
        update(Category)
        .where(Category.id.in_({each for each in ids if each}), Category.is_leaf != leaf)
        .values(is_leaf=leaf)
        .execution_options(synchronize_session=False)
    )
