"""What reads cost: ours beside the bare floor and FastAPI, of few customers and of many."""

import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from deploy.benchmarks.customers import prepare, samples
from deploy.benchmarks.measure import CLIENTS, THREADS, WORKERS, Cost, Served, served, uvicorn, wait_until
from deploy.benchmarks.report import Bar, Table
from deploy.benchmarks.stores import stores
from deploy.private.servers import PostgresServer

FEW, MANY = 10_000, 1_000_000
ROUNDS, REQUESTS = 7, 2000
LATENCY_ROUNDS, LATENCY_REQUESTS = 9, 100
SETTLED = 10_000  # requests after which a worker's memory is read
FLOOR, ORM, CORE, OURS = "bare WSGI, psycopg, orjson", "FastAPI, ORM, pydantic", "FastAPI, rows, orjson", "ours"
COLUMNS = ("application ms", "database ms", "together ms", "x floor", "requests/s")
FIRST_PAGE = "/api/customers?limit=50"
PAGES = [f"{FIRST_PAGE}&skip={client}" for client in range(CLIENTS)]  # the others do not skip, at the same cost


@dataclass(frozen=True)
class Shop:
    """A database full of customers, and what must be known of it to ask for some."""

    database: PostgresServer
    environ: dict[str, str]
    token: str
    deep: str
    some: list[str]
    word: str


def main() -> None:
    """Print a table per question, then each bar with its figure."""
    with contextlib.ExitStack() as stack:
        few, many = _shop(stack, FEW), _shop(stack, MANY)
        ours = _started(stack, "wsgi:app", few)
        contenders = {
            FLOOR: _started(stack, "deploy.benchmarks.floor:app", few, bare=True),
            ORM: _uvicorn(stack, "orm", few),
            CORE: _uvicorn(stack, "core", few),
            OURS: ours,
        }
        tables = [
            _compared(f"List of 50 of {FEW:,} customers", contenders, PAGES, few, _list_bars),
            _compared("One customer", contenders, [f"/api/customers/{one}" for one in few.some], few, _one_bars),
        ]
        with served("wsgi:app", many.environ) as large:
            large.token = many.token
            tables.append(_sizes({FEW: (few, ours), MANY: (many, large)}))
        tables.append(_memory(ours))
    print()
    for table in tables:
        for bar in table.bars:
            print(bar)


def _shop(stack: contextlib.ExitStack, number: int) -> Shop:
    database, environ = stores(stack)
    token = prepare(database.url, environ, number)
    return Shop(database, environ, token, *samples(database.url, number * 9 // 10))


def _started(stack: contextlib.ExitStack, target: str, shop: Shop, *, bare: bool = False) -> Served:
    server = stack.enter_context(served(target, shop.environ, bare=bare))
    server.token = shop.token
    return server


def _uvicorn(stack: contextlib.ExitStack, name: str, shop: Shop) -> Served:
    server = stack.enter_context(uvicorn(f"deploy.benchmarks.fastapi_customers:{name}", shop.environ))
    server.token = shop.token
    return server


def _compared(
    title: str,
    contenders: dict[str, Served],
    paths: list[str],
    shop: Shop,
    bars: Callable[[dict[str, float]], list[Bar]],
) -> Table:
    """Ask all contenders for the same, in turns; the ratios are to the floor's cost in the same round."""
    figures: dict[str, list[Cost]] = {name: [] for name in contenders}
    for server in contenders.values():
        wait_until(lambda server=server: server.ask(paths[0]) == 200)  # type: ignore[misc]
    for number in range(ROUNDS + 1):
        for name, server in contenders.items():
            found = server.cost(paths, REQUESTS, set(shop.database.pids))
            if number:  # the first round warms up
                figures[name].append(found)
    table = Table(f"{title}; medians of {ROUNDS} rounds of {REQUESTS:,} requests, taken in turns", COLUMNS)
    ratios = {name: _ratio(costs, figures[FLOOR]) for name, costs in figures.items()}
    for name, costs in figures.items():
        spent = (_median(costs, part) for part in ("application", "database", "processor"))
        cells = [*(f"{each:.3f}" for each in spent), f"{ratios[name]:.2f}", f"{_median(costs, 'rate'):.0f}"]
        table.add(name, *cells)
    table.bars += bars({**ratios, ORM: _ratio(figures[OURS], figures[ORM]), CORE: _ratio(figures[OURS], figures[CORE])})
    table.print()
    return table


def _list_bars(ratios: dict[str, float]) -> list[Bar]:
    return [
        Bar("list of 50, processor time over the floor's", ratios[OURS], 1.4, "x"),
        Bar("list of 50, processor time over FastAPI with ORM and pydantic", ratios[ORM], 0.6, "x"),
        Bar("list of 50, processor time over FastAPI with rows and orjson", ratios[CORE], 1.0, "x"),
    ]


def _one_bars(ratios: dict[str, float]) -> list[Bar]:
    return [Bar("one row, processor time over the floor's", ratios[OURS], 1.7, "x")]


def _median(costs: list[Cost], part: str) -> float:
    return float(statistics.median(getattr(each, part) for each in costs))


def _ratio(costs: list[Cost], base: list[Cost]) -> float:
    return statistics.median(each.processor / other.processor for each, other in zip(costs, base, strict=True))


def _sizes(shops: dict[int, tuple[Shop, Served]]) -> Table:
    """Time the same pages of few and of many customers, one client, in turns."""
    table = Table(
        f"One client; medians of {LATENCY_ROUNDS} rounds of {LATENCY_REQUESTS} requests, taken in turns",
        (f"p50 ms, {FEW:,}", f"{MANY:,}", "ratio"),
    )
    pages: dict[str, Callable[[Shop], str]] = {
        "first page": lambda _: FIRST_PAGE,
        "deep page by key": lambda shop: f"{FIRST_PAGE}&after={shop.deep}",
        "search, one fits": lambda shop: f"{FIRST_PAGE}&search={shop.word}",
        "search, all fit": lambda _: f"{FIRST_PAGE}&search=example.com",
    }
    for name, page in pages.items():
        figures: dict[int, list[float]] = {size: [] for size in shops}
        for number in range(LATENCY_ROUNDS + 1):
            for size, (shop, server) in shops.items():
                wait_until(lambda server=server, shop=shop, page=page: server.ask(page(shop)) == 200)  # type: ignore[misc]
                found = server.median(page(shop), LATENCY_REQUESTS)
                if number:
                    figures[size].append(found * 1000)
        few, many = (statistics.median(values) for values in figures.values())
        ratio = statistics.median(large / small for small, large in zip(*figures.values(), strict=True))
        table.add(name, f"{few:.2f}", f"{many:.2f}", f"{ratio:.2f}")
        table.bars.append(Bar(f"{name}, p50 of {MANY:,} over {FEW:,} customers", ratio, 1.3, "x"))
    table.print()
    return table


def _memory(server: Served) -> Table:
    """Read what a worker holds in memory, its share of what it shares with the others."""
    if server.asked < SETTLED:
        raise RuntimeError(f"only {server.asked} requests were made")
    held = server.memory()
    table = Table(
        f"Memory after {server.asked:,} requests, {WORKERS} workers of {THREADS} threads", ("PSS MB of the largest",)
    )
    table.add(OURS, f"{max(held):.0f}")
    table.bars.append(Bar("memory of a worker (PSS)", max(held), 90, " MB"))
    table.print()
    return table
