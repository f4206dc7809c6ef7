"""The walls of the house: how long a function and a file may be, and what may stand at the top."""

import ast
from collections.abc import Iterator
from pathlib import Path

LONGEST_FUNCTION = 40
LONGEST_FILE = 250
UNSPLIT = {  # files with two subjects still; a name goes when its file is split, and a test wants it gone then
}
VISIBLE = {
    *("rental_backend", "migrations", "deploy", "tests"),
    *("wsgi.py", "gunicorn.conf.py", "alembic.ini", "setup.cfg", "README.md"),
}
PASSING = {"__pycache__", "htmlcov"}


def too_long(folder: Path) -> Iterator[str]:
    """Name every function and file below a folder that is longer than it may be."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text()
        lines = text.count("\n")
        if lines > LONGEST_FILE:
            yield f"{path}: {lines} lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{path}: {node.name} has {length} lines"


def misplaced(folder: Path) -> set[str]:
    """Return what stands visibly at the top and should not, and what is missing there."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")} - PASSING ^ VISIBLE
