"""Brands."""

from ...web.query.conditions import contains
from ...web.query.envelopes import PAGES
from ...web.query.listing import Listing
from ...web.resource.extra_routes import add_active, add_search
from ...web.resource.import_export import add_export, add_import
from ...web.resource.resource import Resource
from .. import usage as service
from ..models import Brand
from ..needs import BROWSE, CHANGE, MASTER_DATA
from ..schemas import NamedQuery
from .schemas import BrandChange, BrandSchema, NewBrand

BRANDS = Resource(
    name="brands",
    prefix="/api/master-data/brands",
    model=Brand,
    schema=BrandSchema,
    listing=Listing(
        Brand,
        BrandSchema,
        order=(Brand.name.asc(), Brand.id.asc()),
        query=NamedQuery,
        search=(Brand.name, Brand.code, Brand.description),
        conditions={"name": contains(Brand.name), "code": contains(Brand.code)},
        sorts=("name", "code", "description", "is_active", "created_at", "updated_at", "item_count"),
        envelope=PAGES,
    ),
    reads=BROWSE,
    writes=CHANGE,
    permissions=MASTER_DATA,
    accepts=NewBrand,
    changes=BrandChange,
    retire=service.retire,
)
bp = BRANDS.blueprint()
add_search(bp, BRANDS)
add_active(bp, BRANDS)
add_import(bp, BRANDS, "MASTER_DATA_IMPORT")
add_export(bp, BRANDS, "MASTER_DATA_EXPORT")
