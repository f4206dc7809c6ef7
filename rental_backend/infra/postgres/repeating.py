"""Statements that the server asks to be sent again."""

from collections.abc import Callable
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.abc import Params, PQGen, Query

from ...resilience.connections import CONDEMNED
from .connection import DeadlineConnection

IDLE = psycopg.pq.TransactionStatus.IDLE
# Prepared statements that are gone, or that a pooler gave to another client.
LOST_STATEMENT = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
LOST_RACE = (errors.SerializationFailure, errors.DeadlockDetected)
OF_PLANS = "RevalidateCachedQuery"  # the function of PostgreSQL that finds the types of a plan's columns changed


# D121: asked again where nothing was done.
class RepeatingCursor(psycopg.Cursor[Any]):
    """A cursor that runs a statement in autocommit once more if the server did nothing and would do it if asked again.

    The second time it is not prepared. In a transaction the error ends what was done before, so it is raised.
    """

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Run a statement, once more if that helps."""
        run: Callable[..., Self] = super().execute
        try:
            return run(query, params, prepare=prepare, binary=binary)
        except (errors.FeatureNotSupported, *LOST_STATEMENT, *LOST_RACE) as error:
            connection: Any = self.connection  # whose epoch psycopg knows nothing of
            if not connection.autocommit or connection.info.transaction_status != IDLE or not asks_again(error):
                raise
            if plan_is_lost(error):
                connection.epoch = CONDEMNED  # its other statements were prepared for the same tables
        return run(query, params, prepare=False, binary=binary)


class RepeatingConnection(DeadlineConnection):
    """A connection for single statements and transactions: not for commands that begin and end their own.

    `after_begin` is a command that is run at the beginning of each transaction.
    """

    after_begin: bytes = b""

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.cursor_factory = RepeatingCursor

    def _start_query(self) -> PQGen[None]:
        """Begin a transaction where psycopg does, and run our own command in it."""
        begins = not self.autocommit and self.pgconn.transaction_status == IDLE
        yield from super()._start_query()
        if begins and self.after_begin:
            yield from self._exec_command(self.after_begin)


def plan_is_lost(error: BaseException | None) -> bool:
    """Tell whether a prepared statement no longer fits its table, or is not there, or not ours."""
    if isinstance(error, errors.FeatureNotSupported):
        return error.diag.source_function == OF_PLANS
    return isinstance(error, LOST_STATEMENT)


def asks_again(error: BaseException | None) -> bool:
    """Tell whether the server did nothing, and may do it when it is asked again at once."""
    return plan_is_lost(error) or isinstance(error, LOST_RACE)
