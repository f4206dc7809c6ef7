"""The resources that the smoke test goes through, in the order in which they need each other. One declaration each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "SMOKE-"


@dataclass(frozen=True)
class Resource:
    """A resource with plain create, read, change and delete.

    `new` are the values it is created with, `change` those it is changed to. In texts, `{tag}` stands for the mark of
    the run, and the name of a resource in `needs` for the id of the one made before. `mark` is the field that begins
    with the tag, and `search` the query parameter that finds it.
    """

    name: str
    path: str
    new: Mapping[str, Any]
    change: Mapping[str, Any]
    mark: str
    search: str = "search"
    needs: tuple[str, ...] = field(default=())

    def values(self, tag: str, made: Mapping[str, str]) -> dict[str, Any]:
        """What to create it with."""
        known = {"tag": tag, **{name: made[name] for name in self.needs}}
        return {name: _filled(value, known) for name, value in self.new.items()}

    def changes(self, tag: str) -> dict[str, Any]:
        """What to change it to."""
        return {name: _filled(value, {"tag": tag}) for name, value in self.change.items()}


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    return value.format(**known) if isinstance(value, str) else value


RESOURCES = (
    Resource(
        "customers",
        "/api/customers",
        new={
            "customer_code": "{tag}",
            "customer_type": "BUSINESS",
            "business_name": "{tag} Ltd",
            "email": "smoke@example.com",
            "credit_limit": 0,
        },
        change={"business_name": "{tag} renamed", "credit_limit": 0, "city": "Kochi"},
        mark="customer_code",
    ),
    Resource(
        "suppliers",
        "/api/suppliers",
        new={
            "supplier_code": "{tag}",
            "company_name": "{tag} Ltd",
            "supplier_type": "MANUFACTURER",
            "credit_limit": 100.5,
            "payment_terms": "NET60",
        },
        change={"company_name": "{tag} renamed", "payment_terms": "COD"},
        mark="supplier_code",
    ),
    Resource(
        "brands",
        "/api/master-data/brands",
        new={"name": "{tag}", "code": "{tag}", "description": "made by the smoke test"},
        change={"name": "{tag} renamed", "description": "changed by the smoke test"},
        mark="name",
    ),
    Resource(
        "units",
        "/api/master-data/units-of-measurement",
        new={"name": "{tag}", "description": "made by the smoke test"},
        change={"name": "{tag} renamed"},
        mark="name",
    ),
    Resource(
        "categories",
        "/api/master-data/categories",
        new={"name": "{tag} above", "display_order": 7},
        change={"name": "{tag} renamed", "display_order": 8},
        mark="name",
    ),
    Resource(
        "subcategories",
        "/api/master-data/categories",
        new={"name": "{tag} below", "parent_category_id": "{categories}"},
        change={"name": "{tag} below another name"},
        mark="name",
        needs=("categories",),
    ),
    Resource(
        "locations",
        "/api/master-data/locations",
        new={"location_code": "{tag}", "location_name": "{tag}", "location_type": "WAREHOUSE", "city": "Mumbai"},
        change={"location_name": "{tag} renamed", "location_type": "STORE"},
        mark="location_code",
    ),
    Resource(
        "items",
        "/api/master-data/item-master",
        new={
            "item_name": "{tag}",
            "brand_id": "{brands}",
            "category_id": "{subcategories}",
            "unit_of_measurement_id": "{units}",
            "reorder_point": 1,
            "is_rentable": True,
            "is_saleable": False,
            "rental_rate_per_period": 100.5,
        },
        change={"item_name": "{tag} renamed", "rental_rate_per_period": 100.5, "reorder_point": 2},
        mark="item_name",
        needs=("brands", "subcategories", "units"),
    ),
)
