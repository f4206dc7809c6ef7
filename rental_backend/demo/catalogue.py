"""Locations, categories, brands, items and customers of the demo shop."""

import re
from datetime import datetime

from ..catalog.categories.codes import shortened
from ..catalog.models import Brand, Category, Item, Location, LocationType, UnitOfMeasurement
from ..parties.models import BlacklistStatus, CreditRating, CustomerStatus, CustomerTier, CustomerType
from ..parties.models import Customer as CustomerRow
from . import simulator
from .sample_data import BRANDS, CITIES, FAMILIES, FIRST_NAMES, LAST_NAMES, TRADES, Family
from .simulator import Shop, money

SERIES = ("", " II", " III", " IV", " V")


def open_locations(shop: Shop) -> None:
    """Add a store, a warehouse and a second store."""
    kinds = (LocationType.STORE, LocationType.WAREHOUSE, LocationType.STORE)
    for number, (kind, (city, state)) in enumerate(zip(kinds, CITIES, strict=False), 1):
        code = f"LOC-{number:02}"
        identifier = shop.loader.add(
            Location,
            _opening_time(shop),
            location_code=code,
            location_name=f"{city} {kind.value.capitalize()}",
            location_type=kind,
            address=f"{number}0 Sample Street",
            city=city,
            state=state,
            country="India",
            postal_code=f"4000{number:02}",
            contact_number=f"+91 00000 000{number:02}",
            email=f"{city.lower()}@example.com",
        )
        shop.locations.append(simulator.Location(identifier, code))


def add_items(shop: Shop) -> list[simulator.Item]:
    """Add the number of items that the size asks for, of every family in turn."""
    unit = shop.loader.add(UnitOfMeasurement, _opening_time(shop), name="Piece", code="PCS")
    pack = shop.loader.add(UnitOfMeasurement, _opening_time(shop), name="Pack", code="PCK")
    brands = [shop.loader.add(Brand, _opening_time(shop), name=name, code=name[:4].upper()) for name in BRANDS]
    categories = _categories(shop)
    items = []
    for number in range(shop.size.items):
        family = FAMILIES[number % len(FAMILIES)]
        step = number // len(FAMILIES)
        brand = shop.rng.randrange(len(BRANDS))
        item = _item(shop, family, step, BRANDS[brand])
        items.append(item)
        shop.loader.add(
            Item,
            _opening_time(shop),
            id=item.id,
            sku=item.sku,
            item_name=item.name,
            brand_id=brands[brand],
            category_id=categories[family.subcategory],
            unit_of_measurement_id=unit if item.rentable else pack,
            rental_rate_per_period=money(item.rate) if item.rentable else None,
            sale_price=None if item.rentable else money(item.price),
            purchase_price=money(item.cost),
            security_deposit=money(item.deposit),
            model_number=f"{family.category[:1]}{number:05}",
            serial_number_required=item.serialized,
            warranty_period_days=365 if item.serialized else 0,
            reorder_point=2 if item.serialized else 10,
            is_rentable=item.rentable,
            is_saleable=not item.rentable,
        )
    return items


def _categories(shop: Shop) -> dict[str, str]:
    """Add the tree of categories and return the ids of its leaves, by name."""
    parents: dict[str, str] = {}
    leaves: dict[str, str] = {}
    for order, family in enumerate(FAMILIES, 1):
        top = family.category
        if top not in parents:
            parents[top] = shop.loader.add(
                Category,
                _opening_time(shop),
                name=top,
                category_code=shortened(top, 4),
                category_path=top,
                display_order=order,
                is_leaf=False,
            )
        leaves[family.subcategory] = shop.loader.add(
            Category,
            _opening_time(shop),
            name=family.subcategory,
            category_code=f"{shortened(top, 4)}-{shortened(family.subcategory, 4)}",
            parent_category_id=parents[top],
            category_path=f"{top}/{family.subcategory}",
            category_level=2,
            display_order=order,
        )
    return leaves


def _item(shop: Shop, family: Family, step: int, brand: str) -> simulator.Item:
    """Return the next item of a family: after four models a new series begins, slightly more expensive."""
    round_, model = divmod(step, len(family.models))
    name = f"{brand} {family.models[model]}" + (SERIES[round_] if round_ < len(SERIES) else f" Mk {round_ + 1}")
    dearer = 100 + 40 * model + round_ % 50
    price = family.price * dearer
    rentable = family.kind != "goods"
    product = re.sub(r"[^A-Z0-9]", "", name.upper())[:4].ljust(4, "0")
    prefix = f"{shortened(family.category, 4)}-{shortened(family.subcategory, 3)}-{product}-{'R' if rentable else 'S'}"
    return simulator.Item(
        id=shop.loader.new_id(),
        sku=f"{prefix}-{shop.number(prefix):03}",
        name=name,
        category=family.subcategory,
        rate=family.rate * dearer,
        price=price,
        cost=price * 7 // 10,
        deposit=price // 10 if rentable else 0,
        serialized=family.kind == "pieces",
        rentable=rentable,
    )


def add_customers(shop: Shop) -> None:
    """Add the number of customers that the size asks for; most of them may rent."""
    for number in range(1, shop.size.customers + 1):
        business = number % 3 == 0
        first, last = shop.rng.choice(FIRST_NAMES), shop.rng.choice(LAST_NAMES)
        city, state = shop.rng.choice(CITIES)
        blacklist = BlacklistStatus.BLACKLISTED if number % 29 == 0 else BlacklistStatus.CLEAR
        status = CustomerStatus.SUSPENDED if number % 23 == 0 else CustomerStatus.ACTIVE
        named = {"business_name": f"{last} {shop.rng.choice(TRADES)}"} if business else {}
        identifier = shop.loader.add(
            CustomerRow,
            shop.at(-shop.size.days - 60, 9, 8) + number * simulator.INSTANT,
            customer_code=f"CUST-{number:05}",
            customer_type=CustomerType.BUSINESS if business else CustomerType.INDIVIDUAL,
            **named,
            first_name=first,
            last_name=last,
            email=f"{first}.{last}.{number}@example.com".lower(),
            phone=f"+91 00000 {number % 100_000:05}",
            address_line1=f"{number % 300 + 1} Sample Road",
            city=city,
            state=state,
            country="India",
            postal_code=f"{400_000 + number % 1000}",
            customer_tier=shop.rng.choices(tuple(CustomerTier), (60, 25, 10, 5))[0],
            credit_limit=shop.rng.choice((0, 25_000, 100_000)),
            credit_rating=shop.rng.choice((CreditRating.EXCELLENT, CreditRating.GOOD, CreditRating.FAIR)),
            status=status,
            blacklist_status=blacklist,
        )
        if status is CustomerStatus.ACTIVE and blacklist is BlacklistStatus.CLEAR:
            shop.customers.append(simulator.Customer(identifier))


def _opening_time(shop: Shop) -> datetime:
    return shop.at(-shop.size.days - 60, 9)
