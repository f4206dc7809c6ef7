"""Reference data: complete, added once, and never taken from those who changed it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from rental_backend.accounts.access.permissions import PERMISSIONS, ROLES
from rental_backend.seed import Added, add_reference_data
from rental_backend.settings.business.defaults import COMPANY, DEFAULTS
from rental_backend.settings.business.service import rates
from rental_backend.web.endpoint.capabilities import contracts
from rental_backend.web.endpoint.needs import PUBLIC, SIGNED_IN
from tests.seeding.conftest import Make, Run

ALL = Added(len(PERMISSIONS), len(ROLES), len(DEFAULTS), 1)
NOTHING = Added(0, 0, 0, 0)
# The permissions that pages of the frontend check.
CHECKED = {
    *("AUDIT_VIEW", "CUSTOMER_VIEW", "CUSTOMER_CREATE", "CUSTOMER_UPDATE"),
    *("INVENTORY_VIEW", "INVENTORY_CREATE", "INVENTORY_UPDATE", "INVENTORY_EDIT"),
    *("PERMISSION_VIEW", "PERMISSION_ASSIGN", "RENTAL_VIEW", "RENTAL_CREATE"),
    *("RENTAL_RETURN", "RENTAL_EXTEND", "REPORT_VIEW", "ROLE_VIEW"),
    *("SALE_VIEW", "SALE_CREATE", "SYSTEM_CONFIG", "SYSTEM_CONFIG_UPDATE"),
    *("USER_VIEW", "USER_CREATE", "USER_UPDATE", "USER_DELETE"),
    *("USER_ACTIVATE", "USER_DEACTIVATE", "USER_VIEW_SESSIONS"),
}


def _add(connection: Connection) -> Added:
    with Session(connection.engine.execution_options(isolation_level="READ COMMITTED")) as session, session.begin():
        return add_reference_data(session)


def _granted(connection: Connection, role: str) -> set[str]:
    return set(
        connection.scalars(
            sqlalchemy.text(
                "SELECT p.name FROM permissions p JOIN role_permissions ON permission_id = p.id "
                "JOIN roles r ON r.id = role_id WHERE r.name = :role"
            ),
            {"role": role},
        )
    )


def test_every_permission_that_anybody_names_is_declared(app: Flask) -> None:
    """Those of the application's contracts and of the frontend's pages; a name that is in neither would be seen."""
    named = {contract.permission for *_, contract in contracts(app)} - {PUBLIC, SIGNED_IN}

    assert "CUSTOMER_BLACKLIST" in named
    assert named | CHECKED <= set(PERMISSIONS)
    assert len(PERMISSIONS) == 123


def test_a_new_database_gets_everything_once(connection: Connection) -> None:
    """The second time finds nothing to add and changes no row."""
    assert _add(connection) == ALL
    before = _rows(connection)

    assert _add(connection) == NOTHING

    assert _rows(connection) == before
    assert {role.name: len(_granted(connection, role.name)) for role in ROLES} == {
        role.name: sum(map(role.has, PERMISSIONS.values())) for role in ROLES
    }


def _rows(connection: Connection) -> dict[str, list[str]]:
    """Return every row of the tables concerned, and which transaction wrote it."""
    return {
        table: list(connection.exec_driver_sql(f"SELECT xmin || t::text FROM {table} t ORDER BY 1").scalars())
        for table in ("permissions", "roles", "role_permissions", "system_settings", "companies")
    }


def test_the_rates_that_begin_are_those_in_force_so_far(connection: Connection) -> None:
    """No total changes on the day of the switch."""
    _add(connection)

    with Session(connection) as session:
        found = rates(session)

    assert (found.rental_tax_percent, found.booking_tax_percent, found.booking_deposit_percent) == (18, 10, 20)
    assert found.rental_late_fee == 5


def test_what_somebody_changed_stays(connection: Connection) -> None:
    """A changed setting, a renamed company, a permission taken away from a role or given to it, a description."""
    _add(connection)
    for change in (
        "UPDATE system_settings SET setting_value = '12.00', description = 'ours'"
        " WHERE setting_key = 'rental_tax_percent'",
        "UPDATE companies SET company_name = 'Lights Ltd'",
        "UPDATE permissions SET description = 'ours' WHERE name = 'CUSTOMER_VIEW'",
        "DELETE FROM role_permissions USING roles, permissions"
        " WHERE roles.id = role_id AND permissions.id = permission_id"
        " AND roles.name = 'STAFF' AND permissions.name = 'SALE_CREATE'",
        "INSERT INTO role_permissions SELECT r.id, p.id FROM roles r, permissions p"
        " WHERE r.name = 'STAFF' AND p.name = 'USER_VIEW'",
    ):
        assert connection.exec_driver_sql(change).rowcount == 1

    assert _add(connection) == NOTHING

    setting = "SELECT setting_value, description FROM system_settings WHERE setting_key = 'rental_tax_percent'"
    assert connection.exec_driver_sql(setting).one() == ("12.00", "ours")
    assert connection.exec_driver_sql("SELECT company_name FROM companies").scalars().all() == ["Lights Ltd"]
    changed = "SELECT description FROM permissions WHERE name = 'CUSTOMER_VIEW'"
    assert connection.exec_driver_sql(changed).scalar() == "ours"
    assert "SALE_CREATE" not in _granted(connection, "STAFF")
    assert "USER_VIEW" in _granted(connection, "STAFF")


def test_rows_of_production_are_found_by_their_names(connection: Connection) -> None:
    """A role that is there gets new permissions only; settings nobody could change keep their value."""
    for row in (
        "INSERT INTO roles (name, is_system_role, is_active) VALUES ('STAFF', true, true)",
        "INSERT INTO permissions (name, resource, action, risk_level, is_system_permission, is_active)"
        " VALUES ('CUSTOMER_VIEW', 'CUSTOMER', 'VIEW', 'LOW', true, true)",
        "INSERT INTO companies (company_name, is_active) VALUES ('Lights Ltd', true)",
        "INSERT INTO system_settings (setting_key, setting_name, setting_type, setting_category, setting_value,"
        " is_system, is_sensitive, display_order, is_active) VALUES"
        " ('rental_status_check_time', 'Time', 'STRING', 'SYSTEM', '03:00', true, false, '7', true)",
    ):
        connection.exec_driver_sql(row)

    assert _add(connection) == Added(ALL.permissions - 1, ALL.roles - 1, ALL.settings - 1, 0)

    assert "CUSTOMER_VIEW" not in _granted(connection, "STAFF")
    assert "RENTAL_VIEW" in _granted(connection, "STAFF")
    assert "CUSTOMER_VIEW" in _granted(connection, "MANAGER")
    filed = (
        "SELECT setting_category, is_system, setting_value, setting_name FROM system_settings "
        "WHERE setting_key = 'rental_status_check_time'"
    )
    assert connection.exec_driver_sql(filed).one() == ("RENTAL", False, "03:00", "Time")


def test_replicas_that_start_together_add_everything_once(connection: Connection) -> None:
    """Four at once: none fails, and together they add each row once."""
    start = threading.Barrier(4)

    def add(_: int) -> Added:
        start.wait()
        return _add(connection)

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, range(4)))

    assert sorted(added, key=lambda each: each.permissions)[:3] == [NOTHING] * 3
    assert max(added, key=lambda each: each.permissions) == ALL
    assert connection.exec_driver_sql("SELECT company_name FROM companies").scalars().all() == [COMPANY]


def test_the_command_says_in_one_line_what_it_added(make: Make, run: Run) -> None:
    """First what is new, then that nothing is; without a database it fails with a reason."""
    url = make()

    first, second, away = run(url, "seed"), run(url, "seed"), run("postgresql://127.0.0.1:1/none", "seed")

    assert first.stdout == "Reference data added: 123 permissions, 5 roles, 22 settings, 1 company.\n", first.output
    assert second.stdout == "The reference data is complete.\n"
    assert (away.exit_code, away.stdout) == (1, "")
    assert "database is not available" in away.stderr
