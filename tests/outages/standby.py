"""A second PostgreSQL that follows a first one, as hosts provide it: a physical standby, fed by streaming."""

import shutil
from pathlib import Path

from deploy.private import binaries
from deploy.private.servers import PostgresServer


class Standby(PostgresServer):
    """A standby of `primary`, made by copying it while it runs; its roles and passwords are the primary's."""

    def __init__(self, folder: Path, primary: PostgresServer) -> None:
        super().__init__(folder, port=0, durable=False)
        self._primary = primary

    @property
    def password(self) -> str:
        """What clients authenticate with."""
        return self._primary.password

    def _create_cluster(self) -> None:
        draft = self.folder / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        copy = [binaries.postgres("pg_basebackup"), "-D", draft, "-R", "-c", "fast", "-d", self._primary.url]
        self._complete([*copy, "--no-sync"])
        draft.rename(self.data)
