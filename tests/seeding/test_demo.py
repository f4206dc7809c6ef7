"""The demo shop: complete, right by every rule, the same every time, and never where it does harm."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from rental_backend.config import driver_url
from rental_backend.demo.generator import SMALL, fill, large
from rental_backend.demo.loading import indexes_last
from rental_backend.demo.simulator import Size
from rental_backend.errors import Conflict
from rental_backend.seed import add_reference_data
from tests import factories
from tests.schema.databases import columns, connected, contents
from tests.seeding.conftest import Make, Run
from tests.seeding.rules import RULES, closed_sets, foreign_keys

pytestmark = pytest.mark.long

TODAY = datetime.now(UTC).date()
FEW = large(1500)
QUESTIONS = {**RULES, **closed_sets(), **foreign_keys()}
UNCHECKED = """DO $$ DECLARE change text; BEGIN
    FOR change IN SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(conname)
        FROM pg_constraint WHERE contype IN ('c', 'x') AND conrelid > 0
    LOOP EXECUTE change; END LOOP; DROP INDEX IF EXISTS uq_inventory_units_serial_number; END $$"""
PROVEN = [  # one broken row for each rule, which must be found
    ("the tree of categories", "UPDATE categories SET category_path = 'Elsewhere'"),
    ("stock on hand", "UPDATE stock_levels SET quantity_on_hand = quantity_on_hand + 1"),
    ("levels fit", "UPDATE inventory_units SET status = 'RETIRED' WHERE status = 'AVAILABLE'"),
    ("every unit has a level", "DELETE FROM stock_levels"),
    ("units have serial", "UPDATE inventory_units SET serial_number = 'SN1' WHERE serial_number IS NOT NULL"),
    ("what is on rent", "UPDATE transaction_lines SET returned_quantity = 0 WHERE returned_quantity < quantity"),
    ("a movement adds up", "UPDATE stock_movements SET quantity_after = quantity_after + 1"),
    ("each movement begins", "UPDATE stock_movements SET quantity_before = quantity_before + 1"),
    ("movements add up", "DELETE FROM stock_movements WHERE movement_type = 'RENTAL_OUT'"),
    ("a movement is of", "UPDATE stock_movements SET item_id = (SELECT min(id::text)::uuid FROM items)"),
    ("purchases explain", "UPDATE transaction_lines SET quantity = quantity + 1"),
    ("a rental's line", "UPDATE transaction_lines SET line_total = line_total + 1"),
    ("a rental's total", "UPDATE system_settings SET setting_value = '12' WHERE setting_key = 'rental_tax_percent'"),
    ("other totals", "UPDATE transaction_headers SET total_amount = total_amount + 1"),
    ("every transaction has", "DELETE FROM transaction_lines WHERE line_number = 1"),
    ("the payment status", "UPDATE transaction_headers SET paid_amount = 0"),
    ("no piece is in two", "UPDATE transaction_lines SET rental_start_date = rental_start_date - 9"),
    ("nobody rents who", "UPDATE customers SET blacklist_status = 'BLACKLISTED'"),
    ("the status of a line", "UPDATE transaction_lines SET current_rental_status = 'RENTAL_LATE'"),
    ("the status of a rental", "UPDATE rental_lifecycles SET current_status = 'RENTAL_LATE'"),
    ("the history of", "UPDATE rental_status_logs SET new_status = 'RENTAL_LATE'"),
    ("lines, details", "DELETE FROM return_line_details"),
    ("fees are gathered", "UPDATE rental_return_events SET late_fees_charged = late_fees_charged + 1"),
    ("extensions are what", "UPDATE rental_extensions SET extension_charges = extension_charges + 1"),
    ("damage is where", "UPDATE repair_orders SET repair_status = 'PENDING'"),
    ("bookings cost", "UPDATE booking_headers SET deposit_required = 1"),
    ("bookings ahead", "UPDATE booking_lines SET quantity_reserved = 999"),
    ("bookings that lie", "UPDATE booking_headers SET booking_status = 'PENDING'"),
    ("customers' totals", "UPDATE customers SET total_rentals = 0"),
    ("suppliers' totals", "UPDATE suppliers SET total_orders = 0"),
    ("nothing happened today", "UPDATE stock_movements SET created_at = now()"),
    ("addresses lead", "UPDATE customers SET email = 'somebody@else.where'"),
    ("an item is rented", "UPDATE items SET is_saleable = true"),
    ("repair_orders.repair_status", "UPDATE repair_orders SET repair_status = 'LOST'"),
]


def _fill(url: str, size: Size, *, bulk: bool = False) -> None:
    """Fill a database as the command does."""
    engine = sqlalchemy.create_engine(driver_url(url), poolclass=sqlalchemy.NullPool)
    with Session(engine) as session:
        factories.user(session, username="boss", is_superuser=True, id="00000000-0000-4000-8000-000000000001")
        add_reference_data(session)
        if bulk:
            with indexes_last(session):
                fill(session, size, TODAY)
        else:
            fill(session, size, TODAY)
        session.commit()
    with connected(url) as connection:
        connection.exec_driver_sql("ANALYZE")


@pytest.fixture(scope="module")
def small(make: Make) -> str:
    """A database with the small shop; nobody changes it."""
    url = make()
    _fill(url, SMALL)
    return url


@pytest.fixture(scope="module")
def few(make: Make) -> str:
    """A database with a large shop of few rentals; nobody changes it."""
    url = make()
    _fill(url, FEW, bulk=True)
    return url


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Give a connection whose changes are taken back."""
    engine = sqlalchemy.create_engine(driver_url(url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET timezone = 'UTC'")
        yield connection
        connection.rollback()


def _broken(connection: Connection, question: str) -> list[object]:
    asked = sqlalchemy.text(question)
    given = {"today": TODAY} if "today" in asked.compile().params else {}
    return list(connection.scalars(asked, given))


@pytest.mark.parametrize("size", ["small", "few"])
def test_every_rule_of_the_business_is_kept(request: pytest.FixtureRequest, size: str) -> None:
    """In both sizes no rule, closed set or foreign key is broken by any row."""
    with _connected(request.getfixturevalue(size)) as connection:
        found = {name: _broken(connection, question) for name, question in QUESTIONS.items()}

    assert {name: rows[:3] for name, rows in found.items() if rows} == {}
    assert len(found) > 150


@pytest.mark.parametrize(("rule", "change"), PROVEN, ids=[rule for rule, _ in PROVEN])
def test_a_broken_rule_would_be_found(small: str, rule: str, change: str) -> None:
    """Rows that break a rule are named by its question, were the database to take them."""
    (question,) = [question for name, question in QUESTIONS.items() if name.startswith(rule)]
    with _connected(small) as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql(UNCHECKED)
        assert connection.exec_driver_sql(change).rowcount > 0
        assert _broken(connection, question)


def test_every_rule_was_seen_broken() -> None:
    """No rule is without a proof that it can fail."""
    assert [name for name in RULES if not any(name.startswith(rule) for rule, _ in PROVEN)] == []


def test_every_state_of_a_rental_is_there(small: str) -> None:
    """All six, some due today, repairs on their way, sales, bookings of every kind; and as much as was promised."""
    with _connected(small) as connection:

        def distinct(column: str, table: str) -> set[str]:
            return set(connection.exec_driver_sql(f"SELECT DISTINCT {column}::text FROM {table}").scalars())

        def count(table: str, where: str = "true") -> int:
            return connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {where}").scalar_one()

        assert distinct("current_status", "rental_lifecycles") == {
            *("RENTAL_INPROGRESS", "RENTAL_COMPLETED", "RENTAL_LATE", "RENTAL_EXTENDED"),
            *("RENTAL_PARTIAL_RETURN", "RENTAL_LATE_PARTIAL_RETURN"),
        }
        assert distinct("booking_status", "booking_headers") == {
            *("PENDING", "CONFIRMED", "CANCELLED", "EXPIRED", "CONVERTED"),
        }
        assert distinct("transaction_type", "transaction_headers") == {"PURCHASE", "RENTAL", "SALE"}
        assert "COMPLETED" in distinct("repair_status", "repair_orders")
        due = f"current_rental_status <> 'RENTAL_COMPLETED' AND rental_end_date = '{TODAY}'"
        assert count("transaction_lines", due) > 0
        sizes = [count(table) for table in ("customers", "items", "inventory_units", "locations", "rental_lifecycles")]
        assert sizes == [30, 60, 200, 3, 600]


def test_the_same_day_makes_the_same_shop(make: Make, small: str) -> None:
    """Filled once more, every table has the same rows, to the letter."""
    again = make()
    _fill(again, SMALL)

    reference = {"users", "permissions", "roles", "role_permissions", "system_settings", "companies"}
    known = {name: found for name, found in columns(small).items() if name not in reference}
    assert contents(again, known) == contents(small, known)
    assert contents(small, known)["transaction_lines"][0] > 1000


def test_indexes_are_as_before(few: str, small: str) -> None:
    """What the large size does without while it loads is all there again, and valid."""
    definitions = []
    for url in (few, small):
        with _connected(url) as connection:
            found = connection.exec_driver_sql(
                "SELECT pg_get_indexdef(indexrelid), indisvalid AND indisready FROM pg_index "
                "WHERE indrelid > 16383 ORDER BY 1"
            )
            definitions.append([tuple(row) for row in found])

    assert definitions[0] == definitions[1]
    assert {valid for _, valid in definitions[0]} == {True}
    assert len(definitions[0]) > 200


def test_a_database_with_business_data_is_left_alone(small: str) -> None:
    """The second time is refused, and nothing is added."""
    with (
        _connected(small) as connection,
        Session(connection) as session,
        pytest.raises(Conflict, match="business data already"),
    ):
        fill(session, SMALL, TODAY)


def test_somebody_must_be_there_to_act(connection: Connection) -> None:
    """Without an administrator the demo is refused: a user of its own would keep the first one from being made."""
    with Session(connection) as session, pytest.raises(Conflict, match="create-admin"):
        fill(session, SMALL, TODAY)


def test_an_error_on_the_way_leaves_nothing(make: Make) -> None:
    """What the thread that writes complains of is raised, and the transaction is as if it had not been."""
    url = make()
    with connected(url) as connection:
        connection.exec_driver_sql("ALTER TABLE stock_movements ADD CHECK (quantity_after > 5)")

    with pytest.raises(Exception, match="stock_movements"):
        _fill(url, SMALL, bulk=True)

    assert {rows for name, (rows, _) in contents(url, columns(url)).items() if name != "users"} == {0}


def test_the_command_refuses_production_and_reports_what_it_made(make: Make, run: Run) -> None:
    """Production needs consent; then every table is counted, and a large shop may be made smaller."""
    url = make()
    with connected(url) as connection, Session(connection) as session:
        factories.user(session, username="boss", is_superuser=True)

    refused = run(url, "demo", ENVIRONMENT="production")
    done = run(url, "demo", "--even-in-production", "--size", "large", "--rentals", "200", ENVIRONMENT="production")
    again = run(url, "demo")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--even-in-production" in refused.stderr
    assert done.exit_code == 0, done.output
    assert "       200 rental_lifecycles\n" in done.stdout
    assert re.search(r"^[\d,]+ rows in \d+\.\d s, [\d,]+ rows/s\.$", done.stdout, re.MULTILINE)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "business data already" in again.stderr
