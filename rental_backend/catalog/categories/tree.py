"""The tree of categories as it is answered."""

import uuid
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ...errors import NotFound
from ..models import Category

Node = dict[str, Any]


def nested(
    session: Session, columns: Sequence[ColumnElement[object]], root_id: uuid.UUID | None, *, everything: bool
) -> bytes:
    """Return the tree as JSON: each category as `columns` with its `children`, by display order and name.

    One statement reads it. With `everything` retired categories are there too; one whose parent is not shown stands
    at the top. From `root_id` on the array holds just that one. Raises `NotFound` if it is not shown.
    """
    wanted = select(*columns).order_by(Category.display_order, Category.name, Category.id)
    if not everything:
        wanted = wanted.where(Category.is_active)
    nodes: dict[uuid.UUID, Node] = {row["id"]: {**row, "children": []} for row in session.execute(wanted).mappings()}
    top: list[Node] = []
    for node in nodes.values():
        above = nodes.get(node["parent_category_id"])
        (above["children"] if above else top).append(node)
    if root_id is None:
        return orjson.dumps(top)
    if root_id not in nodes:
        raise NotFound("There is no such category.")
    return orjson.dumps([nodes[root_id]])
