"""What is true of every tree of categories, as a question to the database."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

WRONG = """
    WITH RECURSIVE tree AS (
        SELECT id, name::text AS path, 1 AS level FROM categories WHERE parent_category_id IS NULL
        UNION ALL
        SELECT c.id, tree.path || '/' || c.name, tree.level + 1
        FROM categories c JOIN tree ON c.parent_category_id = tree.id
    )
    SELECT c.name FROM categories c LEFT JOIN tree USING (id)
    WHERE tree.id IS NULL  -- in a circle, so reached from no root
        OR category_path <> path OR category_level <> level
        OR is_leaf = EXISTS (SELECT FROM categories k WHERE k.parent_category_id = c.id AND k.is_active)
        OR c.is_active AND EXISTS (SELECT FROM categories p WHERE p.id = c.parent_category_id AND NOT p.is_active)
"""


def untrue(session: Session) -> list[Any]:
    """Name the categories whose path, level or leaf is wrong, and those in a circle or under a retired one."""
    session.rollback()
    return list(session.scalars(text(WRONG)))
