"""Where this program's own files are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def file(path: str) -> Path:
    """A file of the checkout, by its path from the root."""
    return ROOT / path.lstrip("/")
