"""What is searched is in an index."""

from typing import Any

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from rental_backend.catalog.models import ITEM_SEARCH
from rental_backend.models import searched
from rental_backend.parties.models import CUSTOMER_SEARCH, SUPPLIER_SEARCH

SEARCHES = {
    "customers": CUSTOMER_SEARCH,
    "items": ITEM_SEARCH,
    "suppliers": SUPPLIER_SEARCH,
}


@pytest.mark.parametrize(("table", "columns"), SEARCHES.items(), ids=SEARCHES)
def test_a_search_asks_its_index(session: Session, table: str, columns: tuple[Any, ...]) -> None:
    """The condition of a search is the very expression that the trigram index holds."""
    connection = session.connection()
    statement = select(columns[0]).where(searched(*columns).ilike(bindparam("search"))).compile(connection)
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")

    plan = connection.exec_driver_sql(f"EXPLAIN {statement}", {"search": "%film%"}).scalars()

    assert f"Bitmap Index Scan on ix_{table}_search" in "".join(plan)
