"""Which database an earlier commit can live with: it must know every contract revision that may have been applied.

A revision with `contract = True` took something away from the versions before it. Every one that the newer commit has
counts as applied, and the newest one that the database notes, if it can be asked, in the comment of alembic_version.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.railway import checkout, database
from deploy.railway.exits import NeedsHuman

VERSIONS = "migrations/versions"
MARK = r"^contract(: *bool)? *= *True"


# D72: a rollback needs the git history.
class Repository:
    """The history of this program, in a git checkout."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or checkout.ROOT

    def contracts(self, commit: str) -> frozenset[str]:
        """The contract revisions that a commit has. Raises `NeedsHuman` when the commit is not known here."""
        found = self._git("grep", "-lE", MARK, commit, "--", VERSIONS, fine=(0, 1))  # 1: no such line
        return frozenset(Path(line).name.partition("_")[0] for line in found.splitlines())

    def require(self, commit: str) -> None:
        """Raise `NeedsHuman` when a commit is not in this checkout."""
        self._git("cat-file", "-e", f"{commit}^{{commit}}")

    def head(self, commit: str = "HEAD") -> str:
        """The newest revision that a commit has."""
        return self._git("show", f"{commit}:migrations/head").strip()

    def _git(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", self._folder, *arguments], capture_output=True, text=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NeedsHuman(f"git cannot be asked about the migrations ({type(error).__name__})") from None
        if done.returncode not in fine:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NeedsHuman(f"git cannot tell which migrations are between ({said}); fetch the whole history")
        return done.stdout


def refuse_contract_between(
    repository: Repository, newer: str | None, older: str | None, environ: Mapping[str, str]
) -> None:
    """Raise `NeedsHuman` when the database may have left behind what the older commit needs, or nobody knows."""
    if not newer or not older:
        raise NeedsHuman("the platform does not say of which commit a deployment is, so its migrations are not known")
    for commit in (newer, older):
        repository.require(commit)
    applied = repository.contracts(newer)
    seen = database.look(environ)
    if isinstance(seen, database.Database) and seen.contract:
        applied |= {seen.contract}
    passed = sorted(applied - repository.contracts(older))
    if passed:
        raise NeedsHuman(
            f"the database may be past {', '.join(passed)}, which took away what {older[:12]} needs; "
            "mend it by a newer version instead"
        )
