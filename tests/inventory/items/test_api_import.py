"""Items from tables, which name what forms give ids of."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import Item
from tests import factories
from tests.conftest import Caller

IMPORT = "/api/master-data/item-master/import"
TABLE = """item_name,unit_name,brand_name,category_path,reorder_point,rental_rate_per_period
Lamp,piece,CANON,film/LIGHTS,1,9.50
Stand,PCS,cn,Film,2,
Gel,,,,1,
Bulb,box,Canon,Film,1,
Clamp,Piece,Nikon,Film,1,
Cloth,Piece,,Lights,1,
"""


def test_items_are_imported_by_names(signed_in: Caller, session: Session) -> None:
    """Unit and brand by name or code, a category by its path; a name that is nobody's is a fault of its row."""
    unit, brand = factories.unit(session, name="Piece", code="PCS"), factories.brand(session, name="Canon", code="CN")
    film = factories.category(session, name="Film")
    lights = factories.category(session, film, name="Lights")

    said = signed_in("ITEM_CREATE").post(IMPORT, data=TABLE, content_type="text/csv").get_json()

    assert [(fault["row"], *fault["errors"]) for fault in said["errors"]] == [
        *((4, "unit_name"), (5, "unit_name"), (6, "brand_name"), (7, "category_path")),
    ]
    found = {item.item_name: item for item in session.scalars(select(Item))}
    assert set(found) == {"Lamp", "Stand"}
    assert {(item.unit_of_measurement_id, item.brand_id) for item in found.values()} == {(unit.id, brand.id)}
    assert (found["Lamp"].category_id, found["Stand"].category_id) == (lights.id, film.id)
    assert all(item.sku for item in found.values())


def test_ids_are_taken_as_well(signed_in: Caller, session: Session) -> None:
    """As from the form of a single item."""
    unit = str(factories.unit(session).id)
    rows = [{"item_name": "Lamp", "unit_of_measurement_id": unit, "reorder_point": 1}]

    assert signed_in().post(IMPORT, json=rows).get_json()["failed_imports"] == 0
