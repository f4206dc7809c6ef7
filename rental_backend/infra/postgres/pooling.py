"""What a session may count on when a pooler stands before the server."""

from dataclasses import dataclass

from .connection import RepeatingConnection

NONE, SESSION, TRANSACTION = "none", "session", "transaction"


# D123: a pooler is a setting.
@dataclass(frozen=True)
class SessionSettings:
    """How the settings of a session with this deadline (seconds) reach the server behind a pooler of a kind.

    Without a pooler they come with the connection. Poolers refuse that, so they are sent after it. One that pools by
    transaction gives the next transaction another server's session: there each transaction sets them for itself, and
    statements in autocommit have our own deadlines alone. The time zone is among the few settings that PgBouncer
    carries from server to server.
    """

    pooler: str
    deadline: float

    def _limits(self) -> dict[str, int]:
        milliseconds = int(self.deadline * 800)  # 80 % of our own deadline, so that a living server can report it
        return {
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds // 2,
            "idle_in_transaction_session_timeout": 10_000,
        }

    @property
    def options(self) -> str:
        """The settings as libpq sends them with a connection."""
        if self.pooler != NONE:
            return ""
        return " ".join(f"-c {name}={value}" for name, value in {**self._limits(), "timezone": "UTC"}.items())

    def apply(self, connection: RepeatingConnection) -> None:
        """Send the settings of a new connection, and say what it may do."""
        if self.pooler == NONE:
            return
        commands = ["SET timezone TO 'UTC'"]
        if self.pooler == SESSION:
            commands += [f"SET {name} TO {value}" for name, value in self._limits().items()]
        else:
            limits = (f"set_config('{name}', '{value}', true)" for name, value in self._limits().items())
            connection.after_begin = f"SELECT {', '.join(limits)}".encode()  # one command, as one round trip may have
            connection.prepare_after = connection.prepare_threshold = None  # they would stay with one server
        connection.autocommit = True
        connection.execute("; ".join(commands).encode())
        connection.autocommit = False
