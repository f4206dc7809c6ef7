"""The customers that all contenders list: how they come into being, and the statements that read them."""

import os
import subprocess
import sys

import psycopg

from deploy.benchmarks.stores import KEY
from deploy.private.binaries import ROOT
from rental_backend.infra.identity.tokens import Tokens

COUNTED = 10_000  # as far as every contender counts, as we do
COLUMNS = """business_name, first_name, last_name, coalesce(email, '') AS email, coalesce(phone, '') AS phone, mobile,
    address_line1, address_line2, city, state, country, postal_code, tax_number, payment_terms, customer_tier,
    credit_limit, notes, id, customer_code, customer_type,
    coalesce(business_name, concat_ws(' ', first_name, last_name)) AS name, tax_number AS tax_id, status,
    blacklist_status, credit_rating, total_rentals, total_spent, lifetime_value,
    timezone('UTC', last_transaction_date) AS last_transaction_date, timezone('UTC', last_rental_date)
    AS last_rental_date, created_at, updated_at, created_by, updated_by, is_active"""
PAGE = f"SELECT {COLUMNS} FROM customers WHERE is_active ORDER BY created_at DESC, id DESC LIMIT "  # noqa: S608
TOTAL = f"SELECT count(*) FROM (SELECT 1 FROM customers WHERE is_active LIMIT {COUNTED + 1}) AS found"  # noqa: S608
ONE = f"SELECT {COLUMNS} FROM customers WHERE id = "  # noqa: S608
SIGN_IN = """
INSERT INTO refresh_tokens (token, user_id, expires_at, is_active)
SELECT 'benchmark', id, now() + interval '1 day', true FROM users RETURNING user_id, id"""
# Names and codes are words of random letters, as real ones are, so that a search has something to tell apart.
FILL = """
INSERT INTO customers (customer_code, customer_type, business_name, first_name, last_name, email, phone, address_line1,
    city, state, country, postal_code, customer_tier, credit_limit, status, blacklist_status, credit_rating,
    total_rentals, total_spent, lifetime_value, is_active, created_at)
SELECT 'C' || n, CASE n %% 3 WHEN 0 THEN 'BUSINESS' ELSE 'INDIVIDUAL' END::customer_type_enum,
    CASE n %% 3 WHEN 0 THEN 'Company ' || n END, 'First' || n, translate(md5(n::text), '0123456789', 'ghijklmnop'),
    'c' || n || '@example.com', '+91 ' || n,
    n || ' Main Street', 'Kochi', 'Kerala', 'India', '682001', 'BRONZE', n %% 1000, 'ACTIVE', 'CLEAR', 'NO_RATING',
    n %% 50, n, n, true, now() - n * interval '1 minute'
FROM generate_series(1, %s) AS n
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers'
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)"""


def prepare(url: str, environ: dict[str, str], number: int) -> str:
    """Migrate a database and fill it with customers; return the token of its superuser."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi"]
    for name in ("migrate", "create-admin"):
        subprocess.run([*command, name], cwd=ROOT, env={**os.environ, **environ}, check=True, capture_output=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(FILL, (number,))
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE customers")
        row = connection.execute(SIGN_IN).fetchone()
    if row is None:
        raise RuntimeError("no administrator was created")
    tokens = Tokens(KEY, access_seconds=7200, refresh_seconds=7200)
    return tokens.sign("access", row[0], "admin", session=row[1], superuser=True)[0]


def samples(url: str, depth: int) -> tuple[str, list[str], str]:
    """Return the id of the customer at a depth of the list, the ids of four others, and the end of a last name."""
    place = "SELECT id::text, last_name FROM customers ORDER BY created_at DESC, id DESC LIMIT 4 OFFSET %s"
    with psycopg.connect(url) as connection:
        deep, some = (connection.execute(place, (skip,)).fetchall() for skip in (depth, min(depth, 4321)))
    return str(deep[0][0]), [str(each) for each, _ in some], str(some[0][1])[-10:]
