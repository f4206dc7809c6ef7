"""The wire forms of categories."""

from typing import Any, ClassVar

from marshmallow import fields, post_load, validate

from ...schemas import Browsing, Payload, Text
from ..schemas import Row

HIGHEST = 2**31 - 1  # that PostgreSQL's integer holds


class Code(Text):
    """A code of letters, digits and dashes, taken in capitals."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(longest, **kwargs)
        self.validators.append(validate.Regexp(r"[A-Z0-9-]+\Z", error="Must hold only letters, digits and dashes."))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class CategoryFields(Payload):
    """What a clerk fills in of a category. Without `parent_category_id`, or with null, it stands at the top."""

    category_code = Code(10)
    parent_category_id = fields.UUID(allow_none=True)
    display_order = fields.Integer(validate=validate.Range(0, HIGHEST))
    description = Text(1000, allow_none=True)
    is_active = fields.Boolean()
    is_leaf = fields.Boolean()

    @post_load
    def forget_leaf(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave out `is_leaf`, which the edit page sends back: the tree tells it, and nobody may say otherwise."""
        data.pop("is_leaf", None)
        return data


class NewCategory(CategoryFields):
    """A category to be created; without a code it gets one made from its name."""

    name = Text(100, 1, required=True)


class CategoryChange(CategoryFields):
    """What is to be changed of a category; what is not sent stays as it is."""

    name = Text(100, 1)


class CategoryMove(Payload):
    """Where a category is to be moved: null is the top."""

    new_parent_id = fields.UUID(load_default=None, allow_none=True)


class CategorySchema(Row):
    """A category as answered, with its numbers of items and children that are not retired."""

    name = fields.String()
    category_name = fields.String()
    category_code = fields.String()
    description = fields.String()
    parent_category_id = fields.UUID()
    category_path = fields.String()
    full_name = fields.String(attribute="category_path")
    breadcrumb = fields.List(fields.String())
    category_level = fields.Integer()
    level = fields.Integer()
    display_order = fields.Integer()
    is_leaf = fields.Boolean()
    is_root = fields.Boolean()
    child_count = fields.Integer()
    has_children = fields.Boolean()
    item_count = fields.Integer()
    productCount = fields.Integer(attribute="item_count")  # noqa: N815 - as the category pages call it
    has_items = fields.Boolean()


class CategoryNode(CategorySchema):
    """A category in the tree, with those below it."""

    children = fields.List(fields.Nested("CategoryNode"))


class CategoryQuery(Browsing):
    """Filters of the list of categories: parts of name or path, place in the tree, whether there is anything in it."""

    ALIASES: ClassVar = {"level": "category_level", "parent_id": "parent_category_id"}

    name = Text(100)
    path_contains = Text(500)
    parent_category_id = fields.UUID()
    category_level = fields.Integer(validate=validate.Range(1, HIGHEST))
    is_leaf = fields.Boolean()
    has_items = fields.Boolean()
    has_children = fields.Boolean()


class ParentQuery(Browsing):
    """Filters of the categories that another can be put under: not itself, nor anything below it."""

    exclude_id = fields.UUID()


class TreeQuery(Payload):
    """Which part of the tree is asked for."""

    root_id = fields.UUID(load_default=None)
    include_inactive = fields.Boolean(load_default=False)
