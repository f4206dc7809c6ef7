"""The list of 50 customers of 10,000: this application beside the bare floor, in turns, in one run."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from deploy.benchmarks.measure import Cost, ask, cost, served, wait_until
from deploy.private.binaries import ROOT
from deploy.private.servers import PostgresServer, RedisServer
from rental_backend.infra.tokens import Tokens

KEY = "a key for benchmarks, long enough to be taken"
CUSTOMERS, ROUNDS, REQUESTS = 10_000, 5, 2000
SIGN_IN = """
INSERT INTO refresh_tokens (token, user_id, expires_at, is_active)
SELECT 'benchmark', id, now() + interval '1 day', true FROM users RETURNING user_id, id"""
FILL = """
INSERT INTO customers (customer_code, customer_type, business_name, first_name, last_name, email, phone, address_line1,
    city, state, country, postal_code, customer_tier, credit_limit, status, blacklist_status, credit_rating,
    total_rentals, total_spent, lifetime_value, is_active, created_at)
SELECT 'C' || n, CASE n %% 3 WHEN 0 THEN 'BUSINESS' ELSE 'INDIVIDUAL' END::customer_type_enum,
    CASE n %% 3 WHEN 0 THEN 'Company ' || n END, 'First' || n, 'Last' || n, 'c' || n || '@example.com', '+91 ' || n,
    n || ' Main Street', 'Kochi', 'Kerala', 'India', '682001', 'BRONZE', n %% 1000, 'ACTIVE', 'CLEAR', 'NO_RATING',
    n %% 50, n, n, true, now() - n * interval '1 minute'
FROM generate_series(1, %s) AS n
"""


def main() -> None:
    """Print the cost of a request, and its ratio to the floor's."""
    with tempfile.TemporaryDirectory() as folder:
        database = PostgresServer(Path(folder) / "postgres", port=0)
        cache = RedisServer(Path(folder) / "redis", port=0)
        database.start()
        cache.start()
        try:
            _compare(database, cache)
        finally:
            cache.stop()
            database.stop()


def _compare(database: PostgresServer, cache: RedisServer) -> None:
    environ = {"DATABASE_URL": database.url, "REDIS_URL": cache.url, "SECRET_KEY": KEY, "ENVIRONMENT": "test"}
    headers = {"Authorization": f"Bearer {prepared(database.url, environ)}"}
    path = "/api/customers?limit=50"
    figures: dict[str, list[Cost]] = {"floor": [], "ours": []}
    with served("deploy.benchmarks.floor:app", environ, bare=True) as floor, served("wsgi:app", environ) as ours:
        for port, _ in (floor, ours):
            wait_until(lambda port=port: ask(port, path, headers)[0] == 200)  # type: ignore[misc]
        for number in range(ROUNDS + 1):
            for name, (port, master) in (("floor", floor), ("ours", ours)):
                found = cost(port, path, headers, REQUESTS, master, set(database.pids))
                if number:  # the first round warms up
                    figures[name].append(found)
    _print(figures)


def prepared(url: str, environ: dict[str, str]) -> str:
    """Migrate and fill the database; return the token of its superuser."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi"]
    for name in ("migrate", "create-admin"):
        subprocess.run([*command, name], cwd=ROOT, env={**os.environ, **environ}, check=True, capture_output=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL, (CUSTOMERS,))
        connection.execute("VACUUM ANALYZE")
        row = connection.execute(SIGN_IN).fetchone()
    if row is None:
        raise RuntimeError("no administrator was created")
    tokens = Tokens(KEY, access_seconds=3600, refresh_seconds=3600)
    return tokens.sign("access", row[0], "admin", session=row[1], superuser=True)[0]


def _print(figures: dict[str, list[Cost]]) -> None:
    print(f"List of 50 of {CUSTOMERS:,} customers; medians of {ROUNDS} rounds of {REQUESTS:,} requests, taken in turns")
    print(f"{'':8}{'application':>14}{'database':>12}{'together':>12}{'ratio':>8}{'requests/s':>12}")
    floor = statistics.median(each.processor for each in figures["floor"])
    for name, costs in figures.items():
        application = statistics.median(each.application for each in costs)
        database = statistics.median(each.database for each in costs)
        together = statistics.median(each.processor for each in costs)
        rate = statistics.median(each.rate for each in costs)
        print(f"{name:8}{application:11.3f} ms{database:9.3f} ms{together:9.3f} ms{together / floor:8.2f}{rate:12.0f}")
