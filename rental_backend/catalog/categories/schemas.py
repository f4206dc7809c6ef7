"""The wire forms of categories."""

from typing import ClassVar, Unpack

from marshmallow import fields, post_load, validate

from ...fields import Options, Sent, Text, Whole
from ...schemas import Browsing, Payload
from ..schemas import Row

HIGHEST = 2**31 - 1  # that PostgreSQL's integer holds


class Code(Text):
    """A code of letters, digits and dashes, taken in capitals."""

    def __init__(self, longest: int, **kwargs: Unpack[Options]) -> None:
        super().__init__(longest, **kwargs)
        self.validators.append(validate.Regexp(r"[A-Z0-9-]+\Z", error="Must hold only letters, digits and dashes."))

    def _deserialize(self, value: object, attr: str | None, data: Sent, **kwargs: object) -> str:
        return super()._deserialize(value, attr, data, **kwargs).upper()


class CategoryFields(Payload):
    """The fields of a category. Without `parent_category_id`, or with null, the category is at the top."""

    category_code = Code(10)
    parent_category_id = fields.UUID(allow_none=True)
    display_order = Whole(0, HIGHEST)
    description = Text(1000, allow_none=True)
    is_active = fields.Boolean()
    is_leaf = fields.Boolean()

    @post_load
    def forget_leaf(self, data: dict[str, object], **_: object) -> dict[str, object]:
        """Leave out `is_leaf`, which the edit page sends back: the tree tells it, and nobody may say otherwise."""
        data.pop("is_leaf", None)
        return data


class NewCategory(CategoryFields):
    """A new category. Without a code it gets a code made from its name."""

    name = Text(100, 1, required=True)


class ImportedCategory(NewCategory):
    """A new category in a table. `parent_path` is the path of the category above it, by names: `Film/Lenses`."""

    parent_path = Text(500)


class CategoryChange(CategoryFields):
    """Changes of a category. Fields that are not sent keep their values."""

    name = Text(100, 1)


class CategoryMove(Payload):
    """The new parent of a category; null is the top."""

    new_parent_id = fields.UUID(load_default=None, allow_none=True)


class CategorySchema(Row):
    """A category, with the numbers of its active items and active subcategories."""

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
    """A category in the tree, with the categories below it."""

    children = fields.List(fields.Nested("CategoryNode"))


class CategoryQuery(Browsing):
    """Filters for the list of categories: parts of name or path, place in the tree, and whether there are items."""

    ALIASES: ClassVar = {"level": "category_level", "parent_id": "parent_category_id"}

    name = Text(100)
    path_contains = Text(500)
    parent_category_id = fields.UUID()
    category_level = Whole(1, HIGHEST)
    is_leaf = fields.Boolean()
    has_items = fields.Boolean()
    has_children = fields.Boolean()


class ParentQuery(Browsing):
    """Filters for categories that can be a parent: `exclude_id` leaves out a category and all categories below it."""

    exclude_id = fields.UUID()


class TreeQuery(Payload):
    """The part of the tree: `root_id` is its top, `include_inactive` adds inactive categories."""

    root_id = fields.UUID(load_default=None)
    include_inactive = fields.Boolean(load_default=False)
