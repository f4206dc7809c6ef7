"""What lists of many items cost one client: lists that look at stock as well are the heaviest reads there are."""

import contextlib

import psycopg

from deploy.benchmarks.customers import prepare
from deploy.benchmarks.measure import served, wait_until
from deploy.benchmarks.report import Bar, Table
from deploy.benchmarks.stores import stores

ITEMS, REQUESTS = 100_000, 9
LONGEST = 640  # milliseconds; the server ends a statement then
ROOT = "/api/master-data/item-master"
LISTS = {
    "first page": "?limit=100",
    "deep page": f"?limit=100&skip={ITEMS * 9 // 10}",
    "1,000 by name": "?limit=1000&sort_by=item_name&sort_order=asc",
    "1,000 by stock": "?limit=1000&sort_by=total_units&sort_order=desc",
    "by brand": "?limit=100&sort_by=brand_name&sort_order=asc",
    "search, eleven fit": "?limit=100&search=item+99999",
    "search, two letters": "?limit=100&search=9i",
    "retired": "?limit=100&is_active=false",
    "of a status that none has": "?limit=100&status=DISCONTINUED",
    "in stock": "?limit=100&has_stock=true",
    "out of stock": "?limit=100&has_stock=false",
    "at least 60 in stock": "?limit=100&min_stock=60",
    "low on stock": "/low-stock?limit=100",
    "stock alerts": "/stock-alerts/summary",
    "number of all": "/count/total",
}
FILL = """
INSERT INTO brands (name, code, is_active) SELECT 'Brand ' || n, 'B' || n, true FROM generate_series(1, 50) AS n;
INSERT INTO categories (name, category_code, category_path, category_level, display_order, is_leaf, is_active)
SELECT 'Category ' || n, 'C' || n, 'Category ' || n, 1, n, true, true FROM generate_series(1, 200) AS n;
INSERT INTO units_of_measurement (name, code, is_active) VALUES ('Benchmark', 'BENCH', true);
INSERT INTO locations (location_code, location_name, location_type, is_active)
SELECT 'L' || n, 'Location ' || n, 'WAREHOUSE', true FROM generate_series(1, 3) AS n;
INSERT INTO items (sku, item_name, item_status, brand_id, category_id, unit_of_measurement_id, rental_rate_per_period,
    rental_period, security_deposit, serial_number_required, warranty_period_days, reorder_point, is_rentable,
    is_saleable, is_rental_blocked, is_active, created_at)
SELECT 'S' || n, 'Item ' || n, 'ACTIVE', brand.ids[1 + n % 50], category.ids[1 + n % 200], unit.id, 1 + n % 500, 1, 0,
    false, 0, n % 30, true, false, false, true, now() - n * interval '1 minute'
FROM generate_series(1, {items}) AS n, (SELECT id FROM units_of_measurement WHERE code = 'BENCH') AS unit,
    (SELECT array_agg(id) AS ids FROM brands) AS brand, (SELECT array_agg(id) AS ids FROM categories) AS category;
INSERT INTO stock_levels (item_id, location_id, quantity_on_hand, quantity_available, quantity_on_rent,
    quantity_damaged, quantity_under_repair, quantity_beyond_repair, is_active)
SELECT item.id, location.id, level.quantity, level.quantity, 0, 0, 0, 0, true
FROM items AS item, locations AS location, LATERAL (
    SELECT (hashtext(item.sku || location.location_code) & 31)::numeric AS quantity) AS level
WHERE location.location_code LIKE 'L_';
"""


def main() -> None:
    """Print how long each list takes, then whether all are quick enough."""
    with contextlib.ExitStack() as stack:
        database, environ = stores(stack)
        token = prepare(database.url, environ, 0)
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(FILL.format(items=ITEMS))
            connection.execute("VACUUM ANALYZE")
        shop = stack.enter_context(served("wsgi:app", environ))
        shop.token = token
        table = Table(f"{ITEMS:,} items in three locations, one client; {REQUESTS} requests each", ("p50 ms",))
        found: dict[str, float] = {}
        for name, query in LISTS.items():
            wait_until(lambda query=query: shop.ask(f"{ROOT}{query}") == 200)  # type: ignore[misc]
            found[name] = shop.median(f"{ROOT}{query}", REQUESTS) * 1000
            table.add(name, f"{found[name]:.1f}")
        table.print()
        slowest = max(found, key=lambda name: found[name])
        print(Bar(f"slowest list of items, {slowest}, p50", found[slowest], LONGEST, " ms"))
