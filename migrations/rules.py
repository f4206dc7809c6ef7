"""Rules of the business that rows are held to: a check for new rows, a preflight for the rows that are there."""

from collections.abc import Iterable
from dataclasses import dataclass

from alembic import op

from migrations import safely
from rental_backend.infra.migration import BadRows


@dataclass(frozen=True)
class Rule:
    """A condition on the rows of a table; `why` says of a row that breaks it what its `column` is.

    The check bears the name that the models give it, by default that of the column.
    """

    table: str
    column: str
    condition: str
    why: str
    name: str = ""

    @property
    def constraint(self) -> str:
        """The name of the check in the database."""
        return f"{self.table}_{self.name or self.column}_check"

    @property
    def bad_rows(self) -> BadRows:
        """The rows that break the rule; what is not given breaks none."""
        return BadRows(self.table, self.column, self.why, f"NOT ({self.condition})")


def at_least(least: int, table: str, *columns: str) -> list[Rule]:
    """Return the rules that these numbers are not smaller."""
    return [Rule(table, column, f"{column} >= {least}", f"is less than {least}") for column in columns]


def in_order(table: str, first: str, last: str) -> Rule:
    """Return the rule that a date is not before another."""
    return Rule(table, last, f"{last} >= {first}", f"is before {first}")


def one_of(table: str, column: str, name: str, values: str) -> Rule:
    """Return the rule that a text is one of these words."""
    words = ", ".join(f"'{word}'" for word in values.split())
    return Rule(table, column, f"{column} IN ({words})", f"is none of {words}", name)


def impose(rules: Iterable[Rule]) -> None:
    """Hold the tables to the rules, one check after the other."""
    for rule in rules:
        safely.add_check(rule.table, rule.constraint, rule.condition)


def lift(rules: Iterable[Rule]) -> None:
    """Take the checks away."""
    for rule in rules:
        op.execute(f"ALTER TABLE {rule.table} DROP CONSTRAINT IF EXISTS {rule.constraint}")
